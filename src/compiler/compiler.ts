import type { Model } from '../model/model';
import type { Proxy } from '../model/proxy';
import { inboundServiceCluster } from './clusters/inbound';
import { serviceCluster } from './clusters/service-cluster';
import { blackHoleCluster, inboundPassthroughCluster, passthroughCluster } from './clusters/special';
import type { CompiledProxy } from './compiled-proxy';
import { loadAssignment } from './endpoints/assignment';
import { callerPlace } from './endpoints/locality';
import { gatewayListeners } from './gateway/listeners';
import { gatewayRoutes } from './gateway/routes';
import { autoPassthrough, mergedGateways } from './gateway/servers';
import { inboundPorts } from './inbound-ports';
import { explicitOutbound } from './listeners/explicit-outbound';
import { explicitInbound, virtualInbound } from './listeners/inbound';
import { outboundListeners } from './listeners/outbound';
import { virtualOutbound } from './listeners/virtual-outbound';
import { Mesh } from './mesh';
import type { ClusterKind } from './names';
import { routeNames, secretNames } from './references';
import { sidecarRoutes } from './routes/by-name';
import { policyFor } from './scope/traffic-policy';
import type { View } from './view';
import { viewOf } from './view';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { Cluster_DiscoveryType } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';

/** Compiles proxies of one model. Proxies of one scope share messages by identity. */
export interface Compiler {
  readonly compile: (proxy: Proxy) => CompiledProxy;
  readonly mesh: Mesh;
}

export function createCompiler(model: Model): Compiler {
  const mesh = new Mesh(model);
  return { mesh, compile: proxy => compile(viewOf(mesh, proxy)) };
}

function compile(view: View): CompiledProxy {
  const { listeners, routes } = view.proxy.type === 'router' ? router(view) : view.explicit === undefined ? captured(view) : explicit(view);
  const outbound = serviceClusters(view, 'outbound');
  const passed = autoPassthrough(view) ? serviceClusters(view, 'sni-dnat') : NONE;
  const clusters = [...outbound.clusters, ...specialClusters(view), ...passed.clusters];
  const endpoints = [...outbound.endpoints, ...passed.endpoints];
  return { listeners, clusters, routes, endpoints, secrets: secretNames(listeners, clusters) };
}

interface Front { readonly listeners: readonly Listener[]; readonly routes: readonly RouteConfiguration[] }

/** A sidecar that the kernel hands connections to. */
function captured(view: View): Front {
  const listeners = [...outboundListeners(view), virtualOutbound(view), virtualInbound(view)];
  return { listeners, routes: routeNames(listeners).map(name => sidecarRoutes(view, name)) };
}

/** A sidecar that is dialled by address. */
function explicit(view: View): Front {
  if (view.explicit === undefined) return { listeners: [], routes: [] };
  const outbound = explicitOutbound(view, view.explicit);
  return { listeners: [...outbound.listeners, ...explicitInbound(view)], routes: outbound.routes };
}

function router(view: View): Front {
  const gateways = mergedGateways(view);
  const listeners = gatewayListeners(view, gateways);
  const routes = routeNames(listeners).flatMap((name) => {
    const servers = gateways.routes.get(name);
    return servers === undefined ? [] : [gatewayRoutes(view, name, servers)];
  });
  return { listeners, routes };
}

const NONE = { clusters: [], endpoints: [] };

/** Clusters of all services in scope, each followed by its subsets, with an assignment for each that asks for one. */
function serviceClusters(view: View, flavour: ClusterKind): { clusters: readonly Cluster[]; endpoints: readonly ClusterLoadAssignment[] } {
  const { mesh, scope, proxy, dialect } = view;
  const kind = `${proxy.type}/${dialect.name}/${view.explicit === undefined ? '' : 'explicit'}`;
  return mesh.memo.get('serviceClusters', [scope, kind, flavour, view.callerKey, placeOf(view)], () => {
    const clusters: Cluster[] = [];
    const endpoints: ClusterLoadAssignment[] = [];
    const names = new Set<string>();
    for (const service of scope.services) {
      const rule = view.ruleOf(service);
      for (const port of service.ports.filter(({ protocol }) => protocol !== 'UDP')) {
        for (const subset of ['', ...rule?.subsets.map(({ name }) => name) ?? []]) {
          const place = callerPlace(view, policyFor(rule, port.number, subset), service);
          const cluster = mesh.memo.get('cluster', [flavour, service, port.number, subset, rule, kind, place],
            () => serviceCluster(view, service, port, subset, rule, flavour));
          if (cluster === undefined || names.has(cluster.name)) continue;
          names.add(cluster.name);
          clusters.push(cluster);
          if (cluster.clusterDiscoveryType.value !== Cluster_DiscoveryType.EDS) continue;
          endpoints.push(mesh.memo.get('endpoints', [flavour, service, port.number, subset, rule, place],
            () => loadAssignment(view, service, port, subset, rule, flavour)));
        }
      }
    }
    return { clusters, endpoints };
  });
}

/** Everything that a whole set of assignments may depend on. */
const placeOf = ({ locality, proxy }: View): string => JSON.stringify([
  locality, proxy.metadata.NODE_NAME ?? null, Object.entries(proxy.labels).filter(([label]) => label.includes('topology') || label.includes('hostname')),
]);

function specialClusters(view: View): Cluster[] {
  const { mesh, dialect, proxy } = view;
  const blackHole = mesh.memo.get('blackHole', [], () => blackHoleCluster(view));
  if (proxy.type === 'router') return [blackHole];
  const inbound = inboundPorts(view).map(port => inboundServiceCluster(view, port));
  if (view.explicit !== undefined) return [blackHole, ...inbound];
  return [
    blackHole, mesh.memo.get('passthrough', [dialect.name], () => passthroughCluster(view)),
    ...inbound, mesh.memo.get('inboundPassthrough', [], () => inboundPassthroughCluster(view)),
  ];
}
