#!/usr/bin/env node
import { run } from './cli/run';

const interrupt = new AbortController();
// The first Ctrl-C ends everything in order, a second one at once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(signal);
  });
}
// `cdk8s-mesh … | head` closes the pipe early, which is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

void run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  color: process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
  signal: interrupt.signal,
}).then((code) => {
  process.exitCode = code;
}, (error: unknown) => {
  // Not foreseen: 1 would claim a finding.
  process.stderr.write(`cdk8s-mesh failed, through no fault of the input:\n${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 2;
});
