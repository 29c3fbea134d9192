import { describeMatch } from './routes';
import type { Json } from '../../../src/model/json';
import { objectOf, objectsOf, textOf, textsOf } from '../../../src/model/json';
import { compare } from '../../../src/model/resource';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

const HTTP = 'envoy.filters.network.http_connection_manager';
const TCP = 'envoy.filters.network.tcp_proxy';

/** Lists of application protocols that have a name of their own; any other list is written out. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  'http/1.0,http/1.1,h2c,istio-http/1.0,istio-http/1.1,istio-h2': 'HTTP TLS',
  'istio,istio-http/1.0,istio-http/1.1,istio-h2': 'Istio HTTP Plain',
  'istio-peer-exchange,istio': 'TCP TLS',
  'http/1.0,http/1.1,h2c': 'HTTP',
};

/** `proxy-config listeners`, as istioctl prints it: a row for each filter chain. */
export function listenerTable(dump: Pick<ProxyDump, 'listeners'>): string {
  const listeners = dump.listeners.map(listener => ({ address: addresses(listener), port: portOf(listener), type: typeOf(listener), listener }));
  listeners.sort((a, b) => compare(a.address, b.address) || a.port - b.port || compare(a.type, b.type));
  const rows = listeners.flatMap(({ address, port, listener }) => chains(listener)
    .map(chain => ({ match: match(objectOf(chain.filterChainMatch)), destination: destination(objectsOf(chain.filters)) }))
    .sort((a, b) => compare(b.destination, a.destination))
    .map(chain => [address, String(port), chain.match, chain.destination]));
  return columns([['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION'], ...rows], 1);
}

function chains(listener: Json): readonly Json[] {
  return [...objectsOf(listener.filterChains), ...listener.defaultFilterChain === undefined ? [] : [objectOf(listener.defaultFilterChain)]];
}

const socket = (address: unknown) => objectOf(objectOf(address).socketAddress);
const addresses = (listener: Json) => [socket(listener.address), ...objectsOf(listener.additionalAddresses).map(extra => socket(extra.address))]
  .map(each => textOf(each.address) ?? '').join(',');
const portOf = (listener: Json) => Number(socket(listener.address).portValue ?? 0);

function typeOf(listener: Json): string {
  const filters = chains(listener).flatMap(chain => objectsOf(chain.filters));
  const http = filters.some(filter => filter.name === HTTP);
  const tcp = filters.some(filter => filter.name === TCP && objectOf(filter.typedConfig).cluster !== 'BlackHoleCluster');
  return http ? (tcp ? 'HTTP+TCP' : 'HTTP') : tcp ? 'TCP' : 'UNKNOWN';
}

function match(condition: Json): string {
  const terms: string[] = [];
  const servers = textsOf(condition.serverNames);
  if (servers.length > 0) terms.push(`SNI: ${servers.join(',')}`);
  const transport = textOf(condition.transportProtocol) ?? '';
  if (transport !== '') terms.push(`Trans: ${transport}`);
  const protocols = textsOf(condition.applicationProtocols).join(',');
  if (protocols !== '') terms.push(`App: ${PROTOCOLS[protocols] ?? protocols}`);
  const port = condition.destinationPort === undefined ? '' : `:${String(condition.destinationPort)}`;
  const ranges = objectsOf(condition.prefixRanges).map(range => `${textOf(range.addressPrefix) ?? ''}/${Number(range.prefixLen ?? 0)}`);
  if (ranges.length > 0) terms.push(`Addr: ${ranges.join(',')}${port}`);
  else if (port !== '') terms.push(`Addr: *${port}`);
  return terms.length === 0 ? 'ALL' : terms.join('; ');
}

function destination(filters: readonly Json[]): string {
  for (const filter of filters) {
    const config = objectOf(filter.typedConfig);
    if (filter.name === HTTP) {
      if (config.routeConfig !== undefined) return inlineRoutes(objectOf(config.routeConfig));
      const name = textOf(objectOf(config.rds).routeConfigName) ?? '';
      return name === '' ? 'HTTP' : `Route: ${name}`;
    }
    if (filter.name === TCP && config.cluster !== 'BlackHoleCluster') return cluster(textOf(config.cluster) ?? '');
  }
  return 'Non-HTTP/Non-TCP';
}

/** Special clusters (`PassthroughCluster`) speak for themselves. */
const cluster = (name: string) => (name.includes('Cluster') ? name : `Cluster: ${name}`);

function inlineRoutes(route: Json): string {
  const hosts = objectsOf(route.virtualHosts);
  const [first] = hosts;
  const domains = (host: Json) => textsOf(host.domains).join('/');
  if (hosts.length === 1 && domains(first) === '*') {
    const routes = objectsOf(first.routes);
    const target = textOf(objectOf(routes[0]?.route).cluster);
    if (routes.length === 1 && objectOf(routes[0].match).prefix === '/' && target !== undefined) return cluster(target);
  }
  const described = hosts.map((host) => {
    const routes = objectsOf(host.routes).map(each => describeMatch(objectOf(each.match))).join(', ');
    return domains(host) === '*' ? routes : `${domains(host)} ${routes}`;
  });
  return `Inline Route: ${described.join('; ')}`;
}
