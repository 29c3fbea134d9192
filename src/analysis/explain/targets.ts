import type { ExplainedEndpoint, ExplainedTarget } from './explanation';
import { configPathOf, ISTIO_DEFAULT, resourceOf } from './provenance';
import { workloadName, type Proxies } from './proxies';
import { chooseByHash, choosesByHash, clusterOutcome, type ClusterTable, type Host, type PreparedProxy, type TraceSink } from '../../evaluator';
import { isObject, objectsOf } from '../../model/json';
import { resourceName } from '../../model/resource';

/** The parts of Istio's cluster name `outbound|9080|v2|reviews.default.svc.cluster.local`. */
export interface ClusterName {
  readonly direction: string;
  readonly port: number;
  readonly subset: string;
  readonly host: string;
}

export function parseClusterName(name: string): ClusterName | undefined {
  const match = /^(outbound|inbound)_?[|.](\d+)_?[|.]([^|]*?)_?[|.]([^|]*)$/.exec(name);
  return match === null ? undefined : { direction: match[1]!, port: Number(match[2]), subset: match[3]!, host: match[4]! };
}

/** What was asked for, where a cluster has no name of its own for it. */
export interface Asked {
  readonly host: string;
  readonly port: number;
}

/** One destination with its share, its endpoints and who decides between them. */
export function explainTarget(
  proxies: Proxies, prepared: PreparedProxy, cluster: string, percent: number, asked: Asked, trace: TraceSink, hash?: bigint,
): ExplainedTarget {
  const parsed = parseClusterName(cluster) ?? { host: asked.host, subset: '', port: asked.port };
  const { host, subset, port } = parsed;
  const base = { host, subset, port, percent, cluster };
  const outcome = clusterOutcome(prepared, cluster, trace);
  if (outcome.kind === 'failed') {
    const { status, flag, because } = outcome;
    return { ...base, endpoints: [], loadBalancing: { policy: '', setBy: '' }, status, flag, because };
  }
  const loadBalancing = loadBalancingOf(proxies, outcome.cluster, subset, port);
  const chosen = hash !== undefined && choosesByHash(outcome.cluster) ? chooseByHash(outcome.cluster, hash) : undefined;
  if (chosen === undefined) return { ...base, endpoints: endpointsOf(proxies, outcome.cluster, asked), loadBalancing };
  trace({ step: 'endpoint', name: `${chosen.address}:${chosen.port}`, outcome: 'chosen', because: 'the hash of the request leads to it' });
  return { ...base, endpoints: [endpointOf(proxies, chosen, 100)], loadBalancing };
}

function endpointsOf(proxies: Proxies, cluster: ClusterTable, asked: Asked): ExplainedEndpoint[] {
  if (cluster.kind === 'original-destination') return [{ address: asked.host, port: asked.port, percent: 100 }];
  return cluster.shares.map(({ host, percent }) => endpointOf(proxies, host, percent));
}

function endpointOf(proxies: Proxies, { address, port, locality }: Host, percent: number): ExplainedEndpoint {
  const workload = proxies.byAddress(address);
  return { address, port, percent, ...(workload && { workload: workloadName(workload) }), ...(locality !== '' && { locality }) };
}

function loadBalancingOf(proxies: Proxies, { message, lbPolicy, kind }: ClusterTable, subset: string, port: number): ExplainedTarget['loadBalancing'] {
  if (kind === 'original-destination') return { policy: 'ORIGINAL_DST', setBy: ISTIO_DEFAULT };
  const rule = resourceOf(proxies.model, configPathOf(message.metadata));
  const setBy = rule !== undefined && setsLoadBalancer(rule.spec, subset, port) ? resourceName(rule) : ISTIO_DEFAULT;
  return { policy: lbPolicy, setBy };
}

/** Whether a DestinationRule itself chooses the load balancer of a subset and port: port settings replace, subsets inherit. */
function setsLoadBalancer(spec: Readonly<Record<string, unknown>>, subset: string, port: number): boolean {
  const own = objectsOf(spec.subsets).find(({ name }) => name === subset);
  const policies = [own?.trafficPolicy, spec.trafficPolicy].filter(isObject);
  for (const policy of policies) {
    const ofPort = objectsOf(policy.portLevelSettings).find(settings => isObject(settings.port) && settings.port.number === port);
    if (ofPort !== undefined) return isObject(ofPort.loadBalancer);
    if (isObject(policy.loadBalancer)) return true;
  }
  return false;
}
