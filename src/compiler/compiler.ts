import { create } from '@bufbuild/protobuf';
import { isIPv4 } from '../model/addresses';
import type { Model } from '../model/model';
import type { Proxy } from '../model/proxy';
import type { Resource } from '../model/resource';
import type { Service, ServicePort } from '../model/service';
import { inboundServiceCluster } from './clusters/inbound';
import { clustersAt } from './clusters/service-cluster';
import { blackHoleCluster, inboundPassthroughCluster, passthroughCluster } from './clusters/special';
import type { CompiledProxy } from './compiled-proxy';
import { loadAssignments } from './endpoints/assignment';
import type { PolicyAt, PortSite } from './endpoints/assignment';
import { dependsOnPlace } from './endpoints/locality';
import { Patcher } from './envoy-filter/apply';
import { patchSetOf } from './envoy-filter/patch-set';
import { extensionConfigurations } from './extensions/configurations';
import { extensionsOf } from './extensions/list';
import { gatewayListeners } from './gateway/listeners';
import { gatewayRoutes } from './gateway/routes';
import { autoPassthrough, mergedGateways } from './gateway/servers';
import { preservesHeaderCase } from './header-case';
import { inboundPorts } from './inbound-ports';
import type { PolicyBlocks } from './istio-api';
import { explicitOutbound } from './listeners/explicit-outbound';
import { httpProxyListener } from './listeners/http-proxy';
import { boundInbound, explicitInbound, virtualInbound } from './listeners/inbound';
import { outboundListeners } from './listeners/outbound';
import { virtualOutbound } from './listeners/virtual-outbound';
import { Mesh } from './mesh';
import { nameTable } from './name-table';
import type { ClusterKind } from './names';
import { networkPlace } from './networks';
import { extensionNames, routeNames, secretNames } from './references';
import { sidecarRoutes } from './routes/by-name';
import { dnsCapture } from './routes/service-hosts';
import type { DestinationRule } from './scope/destination-rules';
import { meshPolicy, policiesAt } from './scope/traffic-policy';
import type { View } from './view';
import { viewOf, withRules } from './view';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { Cluster_DiscoveryType } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';

/** What became of one entry of `configPatches` of an EnvoyFilter that is about a proxy. */
export interface PatchReport {
  readonly resource: Resource;
  /** Place in `configPatches`. */
  readonly index: number;
  /** In how many places of what the proxy is sent it took hold. */
  readonly places: number;
  /** Why it, or a part of it, cannot take hold anywhere. */
  readonly problem?: string;
}

/** Compiles proxies of one model. Proxies of one scope share messages by identity. */
export interface Compiler {
  readonly compile: (proxy: Proxy) => CompiledProxy;
  /** Patches of all EnvoyFilters about a proxy, in the order in which they are applied. */
  readonly patchMatches: (proxy: Proxy) => readonly PatchReport[];
  readonly mesh: Mesh;
}

/** @param previous - compiler of the model before a change: what the change does not touch is taken over from it, and it should not be asked again */
export function createCompiler(model: Model, previous?: Compiler): Compiler {
  const mesh = new Mesh(model, previous?.mesh);
  const patcherOf = (view: View): Patcher => new Patcher(view, patchSetOf(mesh, view.proxy));
  return {
    mesh,
    compile: (proxy) => {
      const view = viewOf(mesh, proxy);
      return compile(view, patcherOf(view));
    },
    patchMatches: (proxy) => {
      const set = patchSetOf(mesh, proxy);
      if (set === undefined) return [];
      const view = viewOf(mesh, proxy);
      const patcher = patcherOf(view);
      compile(view, patcher);
      return set.patches.map(patch => (
        { resource: patch.resource, index: patch.index, places: patcher.places.get(patch) ?? 0, problem: patch.problem }));
    },
  };
}

function compile(view: View, patcher: Patcher): CompiledProxy {
  const front = view.proxy.type === 'router' ? router : view.explicit === undefined ? captured : explicit;
  const { listeners, routes } = front(view, patcher);
  const outbound = serviceClusters(view, 'outbound');
  const passed = autoPassthrough(view) ? serviceClusters(view, 'sni-dnat') : NONE;
  const special = specialClusters(view);
  const clusters = [
    ...patcher.clusters([...outbound.clusters, ...special.outbound, ...passed.clusters], 'outbound'),
    ...view.proxy.type === 'router' ? [] : patcher.clusters(special.inbound, 'inbound'),
  ];
  // Proxies of one scope have the same list.
  const endpoints = passed === NONE ? outbound.endpoints : [...outbound.endpoints, ...passed.endpoints];
  return {
    listeners,
    clusters,
    sharedClusters: patcher.active ? undefined : outbound.clusters,
    routes,
    endpoints: patcher.active ? assignmentsFor(clusters, endpoints) : endpoints,
    extensions: extensionsOf(view).length === 0 ? patcher.extensions()
      : [...extensionConfigurations(view, extensionNames(listeners)), ...patcher.extensions()],
    ...(view.proxy.type === 'router' ? {} : { names: () => nameTable(view) }),
    secrets: patcher.active ? secretNames(listeners, clusters)
      : secretNames(listeners, [...special.outbound, ...special.inbound, ...passed.clusters], outbound.clusters),
  };
}

/** Assignments that patched clusters ask for: some are gone, others are new and have nothing behind them. */
function assignmentsFor(clusters: readonly Cluster[], known: readonly ClusterLoadAssignment[]): ClusterLoadAssignment[] {
  const byName = new Map(known.map(assignment => [assignment.clusterName, assignment]));
  const asked = clusters.filter(({ clusterDiscoveryType }) => clusterDiscoveryType.value === Cluster_DiscoveryType.EDS)
    .map(({ name, edsClusterConfig }) => edsClusterConfig?.serviceName || name);
  return [...new Set(asked)].map(name => byName.get(name) ?? create(ClusterLoadAssignmentSchema, { clusterName: name }));
}

interface Front { readonly listeners: readonly Listener[]; readonly routes: readonly RouteConfiguration[] }

/** A sidecar that the kernel hands connections to. */
function captured(view: View, patcher: Patcher): Front {
  // Without interception nothing arrives that was meant for somebody else.
  const captures = view.proxy.metadata.INTERCEPTION_MODE !== 'NONE';
  const { scope, mesh } = view;
  const services = mesh.memo.renew('outboundListeners', [view.proxyKey], [
    ...groundOf(view), ...scope.listeners.flatMap(listener => [listener.services, listener.layer4]),
  ], () => outboundListeners(view));
  const own = ofWorkload(view, 'ownListeners', around => ({
    outbound: [...httpProxyListener(around), ...captures ? [virtualOutbound(around)] : []],
    inbound: [...captures ? [virtualInbound(around)] : [], ...boundInbound(around)],
  }));
  const listeners = [
    ...patcher.listeners(services, 'outbound'), ...patcher.addedListeners('outbound'),
    ...patcher.listeners(own.outbound, 'outbound'),
    ...patcher.listeners(own.inbound, 'inbound'), ...patcher.addedListeners('inbound'),
  ];
  const names = routeNames(listeners);
  const routes = mesh.memo.get('routesOfListeners', [scope, names.join(), view.proxy.dnsDomain, view.callerKey, dnsCapture(view)],
    () => names.map(name => sidecarRoutes(view, name)));
  return { listeners, routes: routes.map(each => patcher.routes(each)) };
}

/** What configuration of a proxy's own depends on besides what it sees of the model: everything of its scope but the rules. */
const groundOf = ({ scope, workload }: View): readonly unknown[] => (
  [workload, scope.services, scope.registryOnly, scope.egressProxy, scope.sidecar?.spec]);

/** What the workload behind a proxy decides, with the services that lead to it: the rules of others do not touch it. */
function ofWorkload<T>(view: View, kind: string, build: (view: View) => T): T {
  const services = view.mesh.model.targetsOf(view.workload).map(({ service }) => service);
  const around = withRules(view, services);
  const ground = [...groundOf(view), ...services, ...services.map(around.ruleOf), ...services.map(around.inboundRuleOf)];
  return view.mesh.memo.renew(kind, [view.proxyKey], ground, () => build(around));
}

/** A sidecar that is dialled by address. */
function explicit(view: View, patcher: Patcher): Front {
  if (view.explicit === undefined) return { listeners: [], routes: [] };
  const outbound = explicitOutbound(view, view.explicit);
  const listeners = [
    ...patcher.listeners(outbound.listeners, 'outbound'), ...patcher.addedListeners('outbound'),
    ...patcher.listeners(explicitInbound(view), 'inbound'), ...patcher.addedListeners('inbound'),
  ];
  return { listeners, routes: outbound.routes.map(routes => patcher.routes(routes)) };
}

function router(view: View, patcher: Patcher): Front {
  const gateways = mergedGateways(view);
  const listeners = [...patcher.listeners(gatewayListeners(view, gateways), 'outbound'), ...patcher.addedListeners('outbound')];
  const routes = routeNames(listeners).flatMap((name) => {
    const servers = gateways.routes.get(name);
    return servers === undefined ? [] : [patcher.routes(gatewayRoutes(view, name, servers), servers.map(({ server }) => server.port.number))];
  });
  return { listeners, routes };
}

const NONE = { clusters: [], endpoints: [] };

interface Clusters { readonly clusters: readonly Cluster[]; readonly endpoints: readonly ClusterLoadAssignment[] }

/** Clusters of all services in scope, each followed by its subsets, with an assignment for each that asks for one. */
function serviceClusters(view: View, flavour: ClusterKind): Clusters {
  const { mesh, scope, proxy, dialect } = view;
  const kind = `${proxy.type}/${dialect.name}/${view.explicit === undefined ? '' : 'explicit'}/${preservesHeaderCase(mesh, proxy) ? 'case' : ''}/${proxy.ips.some(isIPv4) ? '' : 'IPv6'}`;
  return mesh.memo.get('serviceClusters', [scope.services, proxy.namespace, kind, flavour, view.callerKey, placeOf(view)], () => {
    const clusters: Cluster[] = [];
    const endpoints: ClusterLoadAssignment[] = [];
    const names = new Set<string>();
    for (const service of scope.services) {
      // Nobody passes connections on unread to servers outside the mesh.
      if (flavour === 'sni-dnat' && service.meshExternal) continue;
      const own = clustersOf(view, service, flavour, kind);
      own.clusters.forEach((ofPort, at) => ofPort.forEach((cluster, index) => {
        if (cluster === undefined || names.has(cluster.name)) return;
        names.add(cluster.name);
        clusters.push(cluster);
        const assignment = own.assignments[at]?.[index];
        if (assignment !== undefined) endpoints.push(assignment);
      }));
    }
    return { clusters, endpoints };
  });
}

/** Clusters of one service by port and policy, and the assignments of those that ask for them. */
function clustersOf(view: View, service: Service, flavour: ClusterKind, kind: string): {
  readonly clusters: readonly (readonly (Cluster | undefined)[])[];
  readonly assignments: readonly (readonly ClusterLoadAssignment[] | undefined)[];
} {
  const { memo } = view.mesh;
  const rule = view.ruleOf(service);
  const { ports, placed } = memo.get('policies', [service, rule], () => policiesOf(view, service, rule));
  const place = placed ? `${placeOf(view)}${view.callerKey}` : '';
  const siteOf = ({ port, policy, rulePolicy, subsets }: PolicyAt): PortSite => ({ port, policy, rulePolicy, subsets, service, rule, kind: flavour });
  const clusters = memo.get('clusters', [flavour, service, rule, kind, place],
    () => ports.map(port => port.subsets.map(clustersAt(view, siteOf(port)))));
  const asks = clusters.map(ofPort => ofPort.some(cluster => cluster?.clusterDiscoveryType.value === Cluster_DiscoveryType.EDS));
  const assignments = memo.get('endpoints', [flavour, service, rule, place, ...asks],
    () => ports.map((port, at) => (asks[at] ? port.subsets.map(loadAssignments(view, siteOf(port))) : undefined)));
  return { clusters, assignments };
}

/** Ports of a service with the policies in force there, and whether some assignment differs between callers in different places. */
function policiesOf(
  view: View, service: Service, rule: DestinationRule | undefined,
): { readonly ports: readonly PolicyAt[]; readonly placed: boolean } {
  const defaults = meshPolicy(view.mesh);
  const names = ['', ...rule?.subsets.map(({ name }) => name) ?? []];
  const ports = service.ports.filter(({ protocol }) => protocol !== 'UDP').flatMap((port) => {
    const policyOf = policiesAt(rule, port.number, defaults);
    const rulePolicyOf = policiesAt(rule, port.number);
    const found: { port: ServicePort; policy: PolicyBlocks; rulePolicy: PolicyBlocks; subsets: string[] }[] = [];
    for (const subset of names) {
      const policy = policyOf(subset);
      const last = found[found.length - 1];
      // Subsets of a service that passes connections through are not quite as the service itself.
      const alike = last?.policy === policy && (last.subsets[0] !== '' || !passesThrough(policy, rule));
      if (alike) last.subsets.push(subset);
      else found.push({ port, policy, rulePolicy: rulePolicyOf(subset), subsets: [subset] });
    }
    return found;
  });
  return { ports, placed: ports.some(({ policy }) => dependsOnPlace(view, policy, service)) };
}

const passesThrough = (policy: PolicyBlocks, rule: DestinationRule | undefined): boolean => (
  [policy, rule?.trafficPolicy].some(each => each?.loadBalancer?.simple === 'PASSTHROUGH'));

/** Everything of a caller that assignments may depend on, besides the labels that somebody asks about. */
const placeOf = (view: View): string => JSON.stringify([
  view.locality, view.proxy.metadata.NODE_NAME ?? null, networkPlace(view), view.proxy.clusterId,
  Object.entries(view.proxy.labels).filter(([label]) => label.includes('topology') || label.includes('hostname')),
]);

function specialClusters(view: View): { readonly outbound: readonly Cluster[]; readonly inbound: readonly Cluster[] } {
  const { mesh, dialect, proxy } = view;
  const blackHole = mesh.memo.get('blackHole', [], () => blackHoleCluster(view));
  if (proxy.type === 'router') return { outbound: [blackHole], inbound: [] };
  const inbound = ofWorkload(view, 'inboundClusters', around => inboundPorts(around).map(port => inboundServiceCluster(around, port)));
  if (view.explicit !== undefined) return { outbound: [blackHole], inbound };
  const headerCase = preservesHeaderCase(mesh, proxy);
  return {
    outbound: [blackHole, mesh.memo.get('passthrough', [dialect.name, headerCase], () => passthroughCluster(view))],
    inbound: [...inbound, mesh.memo.get('inboundPassthrough', [proxy.ips.map(isIPv4).join(), headerCase], () => inboundPassthroughCluster(view))],
  };
}
