import { DIALECTS } from './dialect';
import type { DialectTable } from './dialect';
import type { ExplicitTable } from './explicit';
import { explicitTable } from './explicit';
import type { Mesh } from './mesh';
import { objectOf, textsOf } from '../model/json';
import type { Proxy } from '../model/proxy';
import type { Service, Workload } from '../model/service';
import type { DestinationRule } from './scope/destination-rules';
import { defaultScope, gatewayScope } from './scope/scope';
import type { Scope } from './scope/scope';
import { sidecarFor, sidecarScope } from './scope/sidecar-scope';

/** One proxy looking at the mesh: the first argument of everything that compiles. */
export interface View {
  readonly mesh: Mesh;
  readonly proxy: Proxy;
  /** What runs behind the proxy; made from the proxy's own description where the model has no such Pod. */
  readonly workload: Workload;
  readonly scope: Scope;
  readonly dialect: DialectTable;
  /** Present in explicit capture only. */
  readonly explicit?: ExplicitTable;
  /** `region/zone/subzone`. */
  readonly locality: string;
  /** Equal for two proxies of one scope whose labels mean the same to every rule about callers. */
  readonly callerKey: string;
  /** Equal for two proxies whose filters are the same: everything policies select by, and what is written into filters. */
  readonly facetKey: string;
  /** Equal for two descriptions of one proxy that say the same. */
  readonly proxyKey: string;
  readonly ruleOf: (service: Pick<Service, 'hostname' | 'namespace'>) => DestinationRule | undefined;
  /** The rule for connections that arrive, none that selects workloads. Istio finds it among what the proxy may call, itself as well. */
  readonly inboundRuleOf: (service: Pick<Service, 'hostname' | 'namespace'>) => DestinationRule | undefined;
}

export function viewOf(mesh: Mesh, proxy: Proxy): View {
  const { metadata } = proxy;
  const workload = mesh.model.workloadOf(proxy);
  const sidecar = proxy.type === 'sidecar' ? sidecarFor(mesh, proxy.namespace, proxy.labels) : undefined;
  const scope = mesh.memo.get('scope', [proxy.namespace, proxy.type, sidecar], () => (
    proxy.type === 'router' ? gatewayScope(mesh, proxy.namespace)
      : sidecar === undefined ? defaultScope(mesh, proxy.namespace) : sidecarScope(mesh, proxy.namespace, sidecar)));
  const watched = mesh.memo.get('callerLabels', [], () => callerLabels(mesh));
  return {
    mesh,
    proxy,
    workload,
    scope,
    dialect: DIALECTS[proxy.dialect],
    explicit: explicitTable(mesh.model, proxy),
    locality: proxy.locality,
    callerKey: JSON.stringify(watched.map(label => proxy.labels[label] ?? null)),
    facetKey: JSON.stringify([
      proxy.type, proxy.dialect, proxy.namespace, proxy.labels, proxy.clusterId, proxy.workload, proxy.cluster,
      metadata.MESH_ID, metadata.IDLE_TIMEOUT, metadata.HTTP10, metadata.PROXY_CONFIG, metadata.ISTIO_VERSION,
    ]),
    proxyKey: JSON.stringify(proxy),
    ruleOf: service => mesh.destinationRules.of(service, proxy.namespace, proxy.labels),
    inboundRuleOf: ({ hostname }) => {
      const known = scope.byHost.get(hostname);
      return known && mesh.destinationRules.of(known, proxy.namespace);
    },
  };
}

/** A view that has looked up the rules of these services already: what is made with it depends on them and not on all rules. */
export function withRules(view: View, services: readonly Service[]): View {
  const known = (of: View['ruleOf']): View['ruleOf'] => {
    const rules = services.map(of);
    return (service) => {
      const place = services.indexOf(service as Service);
      return place < 0 ? of(service) : rules[place];
    };
  };
  return { ...view, ruleOf: known(view.ruleOf), inboundRuleOf: known(view.inboundRuleOf) };
}

/** Labels of callers that some VirtualService match, DestinationRule selector or failover asks about. */
function callerLabels(mesh: Mesh): string[] {
  const labels = new Set(mesh.destinationRules.callerLabels);
  for (const label of textsOf(objectOf(mesh.model.config.raw.localityLbSetting).failoverPriority)) labels.add(label.split('=')[0]);
  for (const { sourceLabels } of mesh.virtualServices.all) sourceLabels.forEach(label => labels.add(label));
  return [...labels].sort();
}
