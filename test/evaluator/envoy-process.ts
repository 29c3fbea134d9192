import { spawn } from 'child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'fs';
import { createServer, request as httpRequest, Agent, type IncomingHttpHeaders, type Server } from 'http';
import { tmpdir } from 'os';
import { delimiter, join } from 'path';

/** Path of a real Envoy, or undefined. */
export function envoyBinary(): string | undefined {
  const parts = join(__dirname, '..', '..', '.real-parts', 'envoy');
  const onPath = (process.env.PATH ?? '').split(delimiter).map(dir => join(dir, 'envoy'));
  return [process.env.ENVOY_BIN ?? '', ...onPath, parts].find(file => file !== '' && existsSync(file));
}

export interface RunningEnvoy {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts Envoy with one HTTP listener of the given connection manager and clusters, and waits until it listens. */
export async function startEnvoy(binary: string, manager: object, clusters: readonly object[], admin?: object): Promise<RunningEnvoy> {
  const port = await freePort();
  return startEnvoyWith(binary, port, [{
    name: 'main',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  }], clusters, admin);
}

/** Starts Envoy with these listeners and waits until it answers plain HTTP at `port`. */
export async function startEnvoyWith(
  binary: string, port: number, listeners: readonly object[], clusters: readonly object[], admin?: object,
): Promise<RunningEnvoy> {
  const dir = mkdtempSync(join(tmpdir(), 'evaluator-'));
  const bootstrap = { static_resources: { listeners, clusters }, ...(admin && { admin }) };
  const file = join(dir, 'envoy.json');
  writeFileSync(file, JSON.stringify(bootstrap));
  const child = spawn(binary, ['-c', file, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'warning'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', chunk => { log += String(chunk); });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const early = exited.then(() => { throw new Error(`Envoy ended: ${log.slice(-4000)}`); });
  await Promise.race([early, untilAnswers(port)]);
  early.catch(() => undefined);
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await send(port, 'GET', '/', { host: 'nobody.invalid' }).then(() => true, () => false)) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  throw new Error('Envoy does not answer');
}

/** A port that nobody listens at now. */
export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!;
}

/** Several of them, held together so that none comes twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(listen));
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends one request exactly as written. */
export async function send(port: number, method: string, path: string, headers: Record<string, string>, agent?: Agent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, ...(agent && { agent }) }, response => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', chunk => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    request.on('error', reject);
    request.end();
  });
}
