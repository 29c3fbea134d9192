import type { PolicyBlocks, TrafficPolicy } from '../istio-api';
import type { DestinationRule } from './destination-rules';

/** The policy of one port, without subset: a port-level entry replaces the rule's policy as a whole (istio-behaviour B6). */
function atPort(policy: TrafficPolicy | undefined, port: number): PolicyBlocks {
  const entry = policy?.portLevelSettings?.find(setting => setting.port?.number === port);
  const { connectionPool, outlierDetection, loadBalancer, tls } = entry ?? policy ?? {};
  const { tunnel, proxyProtocol, retryBudget } = policy ?? {};
  return { connectionPool, outlierDetection, loadBalancer, tls, tunnel, proxyProtocol, retryBudget };
}

/** The policy that one cluster gets: rule, then port, then subset, then the subset's port. */
export function policyFor(rule: DestinationRule | undefined, port: number, subsetName: string): PolicyBlocks {
  if (rule === undefined) return {};
  const inherited = atPort(rule.trafficPolicy, port);
  const own = rule.subsets.find(subset => subset.name === subsetName)?.trafficPolicy;
  if (subsetName === '' || own === undefined) return inherited;
  const further = {
    tunnel: own.tunnel ?? inherited.tunnel,
    proxyProtocol: own.proxyProtocol ?? inherited.proxyProtocol,
    retryBudget: own.retryBudget ?? inherited.retryBudget,
  };
  if (own.portLevelSettings?.some(setting => setting.port?.number === port)) return { ...atPort(own, port), ...further };
  return {
    ...further,
    connectionPool: own.connectionPool ?? inherited.connectionPool,
    outlierDetection: own.outlierDetection ?? inherited.outlierDetection,
    loadBalancer: own.loadBalancer ?? inherited.loadBalancer,
    tls: own.tls ?? inherited.tls,
  };
}
