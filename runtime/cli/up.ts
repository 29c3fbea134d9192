import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { check, checkable, checkTable } from './check/check';
import { EXIT } from './exit';
import type { Io } from './io';
import type { RequestLine } from './up/access-format';
import type { DataPlane } from './up/data-plane';
import { envoyDataPlane } from './up/envoy';
import { referenceDataPlane } from './up/reference';
import { Report } from './up/report';
import { runUp } from './up/up';

interface Options {
  readonly dataPlane: 'reference' | 'envoy';
  readonly run?: Readonly<Record<string, string>>;
  readonly port?: number;
  readonly loopback?: 'block' | 'single';
  readonly quiet?: boolean;
  readonly check?: boolean;
  readonly requests: number;
}

/** `up`: the mesh on this machine, until Ctrl-C. */
export function registerUp(program: Command, io: Io, done: (code: number) => void): void {
  program.command('up')
    .description('run the mesh on this machine, without Kubernetes')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests; changes to them are live within a second')
    .addOption(new Option('--data-plane <engine>', 'what moves the bytes').choices(['reference', 'envoy']).default('reference'))
    .option('--run <workload=command>', 'program that stands for a workload; may be given several times', commands)
    .option('--port <number>', 'port of 127.0.0.1 that leads to the gateway too', port)
    .addOption(new Option('--loopback <form>', 'an address for each workload, or one for all (found out by default)').choices(['block', 'single']))
    .option('-q, --quiet', 'no line for each request')
    .option('--check', 'send requests through the gateway, and from sidecars for rules these do not meet; compare where they went with what the configuration says, and end with 0 or 1')
    .option('--requests <number>', 'how many requests --check sends through the gateway; a tenth, 10 to 100, for each further rule', whole, 1000)
    .addHelpText('after', `
Each workload gets a proxy and an address of its own (127.P.0.1). A workload without a command is played by a stand-in that answers
with what it is and what it saw; GET /call?url=http://ratings:9080/, or any path with the header x-call: http://ratings:9080/, makes it
call onward (of several URLs in x-call each calls the next).
A command finds in its environment: PORT and HOST to listen on, NAME_SERVICE_HOST and NAME_SERVICE_PORT of each service (its own
sidecar), HTTP_PROXY and NO_PROXY. The annotation cdk8s-mesh.dev/run of a Pod template names a command as well.

Examples:
  $ cdk8s-mesh up dist
  $ cdk8s-mesh up dist --run reviews-v2="node reviews.js" --port 8080
  $ cdk8s-mesh up bookinfo.yaml gateway.yaml --data-plane envoy
  $ cdk8s-mesh up dist --check`)
    .action(async (paths: string[], options: Options) => done(await up(paths, options, io)));
}

async function up(paths: readonly string[], options: Options, io: Io): Promise<number> {
  const report = new Report(text => io.stdout.write(text), io.color);
  const requests: RequestLine[] = [];
  let milliseconds = 0;
  const handle = await runUp({
    paths,
    cwd: io.cwd,
    env: io.env,
    dataPlane: engine(options.dataPlane, io),
    runs: options.run,
    port: options.port,
    loopback: options.loopback,
    ...options.check === true && { suits: checkable },
    signal: io.signal,
    on: (event) => {
      if (event.kind === 'ready') milliseconds = event.milliseconds;
      if (event.kind !== 'request') report.event(event);
      // What went to a workload past the callers' sidecars, no rule has decided.
      else if (options.check === true) requests.push(...event.direct === true ? [] : [event.request]);
      else if (options.quiet !== true) report.event(event);
    },
  });
  try {
    if (io.signal.aborted) return EXIT.interrupted;
    if (options.check === true) {
      io.stdout.write(`\nReady after ${(milliseconds / 1000).toFixed(1)} s. Sending ${options.requests} requests, and more for each rule they do not meet …\n\n`);
      const result = await check(handle, options.requests, () => requests, io.signal);
      io.stdout.write(checkTable(result));
      return io.signal.aborted ? EXIT.interrupted : result.good ? EXIT.good : EXIT.findings;
    }
    report.ready(handle, paths, milliseconds);
    await interrupted(io.signal);
  } finally {
    await handle.close();
  }
  return EXIT.interrupted;
}

function engine(name: Options['dataPlane'], io: Io): DataPlane {
  return name === 'envoy' ? envoyDataPlane(io.env) : referenceDataPlane();
}

function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function commands(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError(`A command is WORKLOAD=COMMAND, got ${text}.`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError(`A number of requests is 1 or more, got ${text}.`);
  return number;
}

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new InvalidArgumentError(`A port is from 1 to 65535, got ${text}.`);
  return number;
}
