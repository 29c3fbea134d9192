import { createServer, type IncomingMessage, type ServerResponse } from 'http';
import type { AddressInfo } from 'net';
import { clustersJson, clustersText } from './clusters';
import { configDump } from './config-dump';
import { prometheus, statLines } from './stats';
import type { AdminView } from './view';

export interface AdminOptions extends AdminView {
  readonly host: string;
  readonly port: number;
  readonly quit: () => void;
}

export interface Admin {
  /** `host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

interface Page {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

/** Opens the admin interface, under Envoy's paths. */
export async function createAdmin(options: AdminOptions): Promise<Admin> {
  const started = options.clock.now();
  let live = false;
  void options.client.ready.then(() => live = true);
  const server = createServer((request, response) => answer(request, response, path => page(path, request, { ...options, started, live })));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () => new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, pageOf: (url: URL) => Page): void {
  const url = new URL(request.url ?? '/', 'http://admin');
  let result: Page;
  try {
    result = pageOf(url);
  } catch (error) {
    result = { status: 500, body: `${(error as Error).message}\n` };
  }
  request.resume();
  response.writeHead(result.status ?? 200, {
    'content-type': result.type ?? 'text/plain; charset=UTF-8', 'cache-control': 'no-cache, max-age=0', 'x-content-type-options': 'nosniff', 'server': 'envoy',
  });
  response.end(request.method === 'HEAD' ? '' : result.body);
}

const JSON_TYPE = 'application/json';

function page(url: URL, { method }: IncomingMessage, view: AdminOptions & { readonly started: number; readonly live: boolean }): Page {
  const json = url.searchParams.get('format') === 'json';
  const asJson = (value: unknown): Page => ({ type: JSON_TYPE, body: JSON.stringify(value, undefined, 1) });
  const post = (act: () => void): Page => {
    if (method !== 'POST') return { status: 405, body: `Method ${method ?? ''} not allowed, POST required.` };
    act();
    return { body: 'OK\n' };
  };
  switch (url.pathname) {
    case '/config_dump': return asJson(configDump(view, { includeEds: url.searchParams.has('include_eds') }));
    case '/clusters': return json ? asJson(clustersJson(view)) : { body: clustersText(view) };
    case '/listeners': return json ? asJson({ listener_statuses: listeners(view) }) : { body: listeners(view).map(({ name, key }) => `${name}::${key}\n`).join('') };
    case '/stats': return json ? asJson({ stats: statLines(view).map(([name, value]) => ({ name, value })) })
      : { body: statLines(view).map(([name, value]) => `${name}: ${value}\n`).join('') };
    case '/stats/prometheus': return { body: prometheus(view) };
    case '/ready': return view.live ? { body: 'LIVE\n' } : { status: 503, body: 'INITIALIZING\n' };
    case '/server_info': return asJson(serverInfo(view));
    case '/drain_listeners': return post(() => view.dataPlane.drain());
    case '/quitquitquit': return post(view.quit);
    default: return { status: url.pathname === '/' || url.pathname === '/help' ? 200 : 404, body: HELP };
  }
}

function listeners({ dataPlane }: AdminView): { name: string; key: string; local_address: unknown }[] {
  return [...dataPlane.listeners.values()].flatMap(({ name, keys }) => keys.map(key => {
    const at = key.lastIndexOf(':');
    return { name, key, local_address: { socket_address: { address: key.slice(0, at), port_value: Number(key.slice(at + 1)) } } };
  }));
}

function serverInfo({ node, clock, started, live }: AdminView & { readonly started: number; readonly live: boolean }): unknown {
  const uptime = `${Math.floor((clock.now() - started) / 1000)}s`;
  return {
    version: 'cdk8s-mesh/reference',
    state: live ? 'LIVE' : 'INITIALIZING',
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    node: { id: node.id, cluster: node.cluster ?? '', metadata: node.metadata ?? {} },
  };
}

const HELP = `admin commands are:
  /clusters: upstream cluster status (?format=json)
  /config_dump: the configuration in force (?include_eds)
  /drain_listeners (POST): take no more connections
  /listeners: listener addresses (?format=json)
  /quitquitquit (POST): end the proxy
  /ready: LIVE once the first configuration is in force
  /server_info: who this is
  /stats: counters (?format=json)
  /stats/prometheus: counters in Prometheus' format
`;
