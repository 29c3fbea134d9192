// Runs tasks of projen at the same time: `node scripts/side-by-side.mjs TASK…`. The first one's output is shown as it comes, that of the
// others when they are through. Ends with 1 where any of them failed.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const projen = resolve(import.meta.dirname, '../node_modules/projen/bin/projen');

const runs = process.argv.slice(2).map((task, index) => new Promise((done, failed) => {
  const child = spawn(process.execPath, [projen, task], { stdio: ['ignore', index === 0 ? 'inherit' : 'pipe', index === 0 ? 'inherit' : 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => said.push(chunk));
  child.on('error', failed);
  child.on('close', (code, signal) => done({ task, failed: code !== 0, reason: signal ?? `exit ${code}`, said: Buffer.concat(said) }));
}));

for (const run of runs) {
  const { task, failed, reason, said } = await run;
  process.stdout.write(said);
  if (!failed) continue;
  process.stderr.write(`${task} failed: ${reason}\n`);
  process.exitCode = 1;
}
