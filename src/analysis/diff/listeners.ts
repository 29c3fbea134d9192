import type { Aspects, Facts, TargetName } from './facts';
import { jsonOf, textOfJson } from './facts';
import { object, objects } from './routes';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';

/** What a listener does with connections, by what they ask for. HTTP is only named: its routes are facts of their own. */
export function listenerFacts(message: Listener, nameOf: TargetName): Facts {
  const json = jsonOf(ListenerSchema, message);
  const facts = new Map<string, Aspects>();
  const chains = [...objects(json.filterChains), ...(json.defaultFilterChain === undefined ? [] : [object(json.defaultFilterChain)])];
  for (const chain of chains) {
    // How a sidecar takes mutual TLS is a fact of its own (access.ts), so of its inbound chains only the port counts.
    const inbound = message.name === 'virtualInbound';
    const given = object(chain.filterChainMatch);
    const match = textOfJson(inbound ? { destinationPort: given.destinationPort ?? 0 } : given);
    const subject = `listener ${message.name}${match === '{}' ? '' : ` ${match}`}`;
    const aspects = new Map<string, string>();
    if (!inbound && chain.transportSocket !== undefined) aspects.set('tls', textOfJson(chain.transportSocket));
    for (const filter of objects(chain.filters)) {
      const name = String(filter.name).replace(/^envoy\.filters\.network\./, '');
      const config = object(filter.typedConfig);
      if (name === 'tcp_proxy') aspects.set('to', tcpTargets(config, nameOf));
      else if (name === 'http_connection_manager') aspects.set('http', filtersOf(config));
      else if (name !== 'rbac' && !name.startsWith('istio.')) aspects.set(name, textOfJson(config));
    }
    if (!facts.has(subject)) facts.set(subject, aspects);
  }
  return facts;
}

/** Clusters that connections go to without a route. */
export function clustersOfListener(message: Listener): readonly string[] {
  return objects(jsonOf(ListenerSchema, message).filterChains).flatMap(chain => objects(chain.filters)).map(filter => object(filter.typedConfig))
    .flatMap(config => [config.cluster, ...objects(object(config.weightedClusters).clusters).map(each => each.name)])
    .filter((name): name is string => typeof name === 'string');
}

function tcpTargets(config: object, nameOf: TargetName): string {
  const { cluster, weightedClusters } = config as { cluster?: unknown; weightedClusters?: unknown };
  if (typeof cluster === 'string') return nameOf(cluster);
  return objects(object(weightedClusters).clusters).map(each => `${nameOf(String(each.name))} weight ${String(each.weight)}`).sort().join(', ');
}

/** Filters of every proxy, and those whose settings are told as access. */
const USUAL = /^(istio\.|envoy\.filters\.http\.(router|fault|cors|grpc_stats|rbac|jwt_authn|ext_authz))/;

/** HTTP filters besides those every proxy has, with their settings. */
function filtersOf(config: object): string {
  const filters = objects((config as { httpFilters?: unknown }).httpFilters).filter(filter => !USUAL.test(String(filter.name)));
  return filters.map(filter => `${String(filter.name)} ${textOfJson(filter.typedConfig ?? {})}`).join('; ') || 'no filters';
}
