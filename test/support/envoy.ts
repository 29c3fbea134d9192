import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledProxy } from '../../src/compiler/compiled-proxy';
import type { Proxy } from '../../src/model/proxy';

export interface EnvoyOptions {
  readonly binary: string;
  readonly proxy: Pick<Proxy, 'id' | 'metadata'>;
  /** Where its control plane listens on 127.0.0.1. */
  readonly xdsPort: number;
  /** How long listeners that are gone serve on; a second by default. */
  readonly drainSeconds?: number;
}

/** How long anything of Envoy's may take before it counts as broken. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/** A real Envoy that takes its configuration over ADS. */
export class Envoy {
  /** Starts Envoy; resolves when its admin interface answers, which is before it has a configuration. */
  public static async start(options: EnvoyOptions): Promise<Envoy> {
    const folder = mkdtempSync(join(tmpdir(), 'envoy-'));
    const addressFile = join(folder, 'admin-address');
    const configFile = join(folder, 'envoy.json');
    writeFileSync(configFile, JSON.stringify(bootstrap(options)));
    const child = spawn(options.binary, [
      '-c', configFile, '--admin-address-path', addressFile, '--concurrency', '1', '--disable-hot-restart',
      // Envoy's own ten minutes are no time for a test.
      '--drain-time-s', String(options.drainSeconds ?? 1), '--drain-strategy', 'immediate', '--log-level', 'warning', '--skip-deprecated-logs',
      '--file-flush-interval-msec', '50',
    ], { stdio: ['ignore', 'ignore', 'pipe'] });
    const envoy = new Envoy(folder, child);
    await envoy.until('its admin address', async () => {
      try {
        const match = /:(\d+)$/.exec(readFileSync(addressFile, 'utf8').trim());
        if (!match) return ['no admin address yet'];
        envoy.adminPort = Number(match[1]);
        return [];
      } catch {
        return ['no admin address yet'];
      }
    });
    return envoy;
  }

  private adminPort = 0;
  private log = '';
  private exited?: string;
  private readonly ended: Promise<void>;

  private constructor(private readonly folder: string, private readonly child: ChildProcess) {
    child.stderr!.on('data', chunk => { this.log = (this.log + String(chunk)).slice(-8000); });
    this.ended = new Promise(resolve => {
      child.once('error', error => { this.exited = error.message; resolve(); });
      child.once('exit', (code, signal) => { this.exited = `exit ${code ?? signal}`; resolve(); });
    });
  }

  /** Ends it by its process id, and waits until it is gone. */
  public async stop(): Promise<void> {
    if (this.exited === undefined) this.child.kill('SIGKILL');
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The last of what it wrote to its log. */
  public get lastWords(): string {
    return this.log;
  }

  public async admin(path: string): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: this.adminPort, path, agent: false, timeout: PATIENCE_MS }, response => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => { body += chunk; });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      call.on('error', reject);
      call.on('timeout', () => call.destroy(new Error(`${path} does not answer`)));
      call.end();
    });
  }

  /** Statistics whose name matches, by name. */
  public async stats(filter: string): Promise<Record<string, number>> {
    const { body } = await this.admin(`/stats?filter=${encodeURIComponent(filter)}`);
    return Object.fromEntries(body.split('\n').filter(line => line.includes(': ')).map(line => {
      const at = line.lastIndexOf(': ');
      return [line.slice(0, at), Number(line.slice(at + 2))];
    }));
  }

  /** Repeats a check until it has nothing to say; what it still says after the bound is the error. */
  public async until(what: string, check: () => Promise<readonly string[]>): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const problems = this.exited === undefined ? await check() : [`Envoy ended: ${this.exited}`];
      if (problems.length === 0) return;
      if (this.exited !== undefined || Date.now() > end) throw new Error(`${what}:\n  ${problems.join('\n  ')}\nEnvoy's log:\n${this.log}`);
      await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
    }
  }
}

/**
 * Fails unless Envoy has made a compiled configuration its own, as its admin interface tells it: nothing rejected, nothing in error,
 * nothing warming, the active names those of the configuration, and ready. "Nothing rejected" alone would prove nothing, since an
 * Envoy that waits for a secret rejects nothing and serves nothing.
 */
export async function assertTaken(envoy: Envoy, compiled: CompiledProxy): Promise<void> {
  await envoy.until('Envoy does not take the configuration', () => notTaken(envoy, compiled));
}

/** What keeps a configuration from being active in Envoy; nothing where it is. */
export async function notTaken(envoy: Envoy, compiled: CompiledProxy): Promise<string[]> {
  const problems: string[] = [];
  const stats = await envoy.stats('update_rejected|warming');
  const rejected = Object.entries(stats).filter(([name, count]) => name.endsWith('update_rejected') && count !== 0);
  problems.push(...rejected.map(([name, count]) => `${name}: ${count}`));
  for (const name of ['cluster_manager.warming_clusters', 'listener_manager.total_listeners_warming']) {
    if (stats[name] !== 0) problems.push(`${name}: ${stats[name] ?? 'absent'}`);
  }
  const ready = await envoy.admin('/ready');
  if (ready.status !== 200) problems.push(`/ready: ${ready.status} ${ready.body.trim()}`);
  const dump = JSON.parse((await envoy.admin('/config_dump?include_eds')).body) as ConfigDump;
  const active = activeNames(dump);
  problems.push(...active.errors);
  compare('clusters', active.clusters, compiled.clusters.map(({ name }) => name), problems);
  compare('listeners', active.listeners, compiled.listeners.map(({ name }) => name), problems);
  compare('routes', active.routes, compiled.routes.map(({ name }) => name), problems);
  // Envoy lists the fixed endpoints of other clusters as well.
  const assigned = compiled.endpoints.map(({ clusterName }) => clusterName);
  const fixed = compiled.clusters.map(({ name }) => name).filter(name => !assigned.includes(name));
  compare('endpoints', active.endpoints.filter(name => !fixed.includes(name)), assigned, problems);
  compare('secrets', active.secrets, compiled.secrets, problems);
  return problems;
}

function compare(what: string, active: readonly string[], compiled: readonly string[], problems: string[]): void {
  const missing = compiled.filter(name => !active.includes(name));
  const foreign = active.filter(name => !compiled.includes(name));
  if (missing.length > 0) problems.push(`${what} not active: ${missing.join(', ')}`);
  if (foreign.length > 0) problems.push(`${what} active and not compiled: ${foreign.join(', ')}`);
}

/** Envoy's admin `config_dump`, as far as it is read here. */
interface ConfigDump {
  readonly configs: readonly {
    readonly dynamic_active_clusters?: readonly { readonly cluster: { readonly name: string } }[];
    readonly dynamic_warming_clusters?: readonly { readonly cluster: { readonly name: string } }[];
    readonly dynamic_listeners?: readonly { readonly name: string; readonly active_state?: object; readonly warming_state?: object }[];
    readonly dynamic_route_configs?: readonly { readonly route_config: { readonly name: string } }[];
    readonly dynamic_endpoint_configs?: readonly { readonly endpoint_config: { readonly cluster_name: string } }[];
    readonly dynamic_active_secrets?: readonly { readonly name: string }[];
    readonly dynamic_warming_secrets?: readonly { readonly name: string }[];
  }[];
}

function activeNames({ configs }: ConfigDump) {
  const errors: string[] = [];
  for (const config of configs) {
    for (const [section, entries] of Object.entries(config)) {
      if (!Array.isArray(entries)) continue;
      for (const entry of entries as { error_state?: { details?: string } }[]) {
        if (entry.error_state) errors.push(`error_state in ${section}: ${entry.error_state.details ?? JSON.stringify(entry.error_state)}`);
      }
    }
    for (const { cluster } of config.dynamic_warming_clusters ?? []) errors.push(`cluster ${cluster.name} is warming`);
    for (const { name, warming_state: state } of config.dynamic_listeners ?? []) if (state) errors.push(`listener ${name} is warming`);
    for (const { name } of config.dynamic_warming_secrets ?? []) errors.push(`secret ${name} is warming`);
  }
  const all = <T>(read: (config: ConfigDump['configs'][number]) => readonly T[] | undefined): T[] => configs.flatMap(config => [...read(config) ?? []]);
  return {
    errors,
    clusters: all(config => config.dynamic_active_clusters).map(({ cluster }) => cluster.name),
    // A listener that is gone stays in the dump while it drains.
    listeners: all(config => config.dynamic_listeners).filter(listener => listener.active_state).map(({ name }) => name),
    routes: all(config => config.dynamic_route_configs).map(({ route_config: route }) => route.name),
    endpoints: all(config => config.dynamic_endpoint_configs).map(({ endpoint_config: endpoint }) => endpoint.cluster_name),
    secrets: all(config => config.dynamic_active_secrets).map(({ name }) => name),
  };
}

function bootstrap({ proxy, xdsPort }: EnvoyOptions): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: { id: proxy.id, cluster: 'test', metadata: proxy.metadata },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc', retry_policy: { retry_back_off: { base_interval: '0.1s', max_interval: '0.5s' } } } }],
      },
    },
    static_resources: {
      clusters: [{
        name: 'xds-grpc',
        type: 'STATIC',
        connect_timeout: '1s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            'explicit_http_config': { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'xds-grpc',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: xdsPort } } } }] }],
        },
      }],
    },
  };
}
