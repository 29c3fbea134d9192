import { objectOf } from '../../model/json';
import type { PolicyBlocks, TrafficPolicy } from '../istio-api';
import type { Mesh } from '../mesh';
import type { DestinationRule } from './destination-rules';

/** The policy of one port, without subset: a port-level entry replaces the rule's policy as a whole (istio-behaviour B6). */
function atPort(policy: TrafficPolicy | undefined, port: number): PolicyBlocks {
  const entry = policy?.portLevelSettings?.find(setting => setting.port?.number === port);
  const { connectionPool, outlierDetection, loadBalancer, tls } = entry ?? policy ?? {};
  // An entry has four blocks; the others are gone with what it replaces.
  const { tunnel, proxyProtocol, retryBudget } = entry === undefined ? policy ?? {} : {} as PolicyBlocks;
  return { connectionPool, outlierDetection, loadBalancer, tls, tunnel, proxyProtocol, retryBudget };
}

type Defaults = Pick<PolicyBlocks, 'connectionPool' | 'outlierDetection'>;

/**
 * The policy that one cluster gets: rule, then port, then what the mesh says where they are silent, then subset, then the subset's port.
 * @param defaults - `defaultTrafficPolicy` of the mesh, for what it is about
 */
export const policyFor = (rule: DestinationRule | undefined, port: number, subsetName: string, defaults: Defaults = {}): PolicyBlocks => (
  policiesAt(rule, port, defaults)(subsetName));

/** The same for all subsets of a port; those that say nothing of their own get the same object. */
export function policiesAt(rule: DestinationRule | undefined, port: number, defaults: Defaults = {}): (subsetName: string) => PolicyBlocks {
  if (rule === undefined) return () => defaults;
  const ofRule = atPort(rule.trafficPolicy, port);
  const inherited = {
    ...ofRule,
    connectionPool: ofRule.connectionPool ?? defaults.connectionPool,
    outlierDetection: ofRule.outlierDetection ?? defaults.outlierDetection,
  };
  return (subsetName) => {
    const own = subsetName === '' ? undefined : rule.subsets.find(subset => subset.name === subsetName)?.trafficPolicy;
    return own === undefined ? inherited : ofSubset(own, inherited, port);
  };
}

function ofSubset(own: TrafficPolicy, inherited: PolicyBlocks, port: number): PolicyBlocks {
  const { tunnel, proxyProtocol, retryBudget } = inherited;
  if (own.portLevelSettings?.some(setting => setting.port?.number === port)) return { ...atPort(own, port), tunnel, proxyProtocol, retryBudget };
  return {
    tunnel: own.tunnel ?? tunnel,
    proxyProtocol: own.proxyProtocol ?? proxyProtocol,
    retryBudget: own.retryBudget ?? retryBudget,
    connectionPool: own.connectionPool ?? inherited.connectionPool,
    outlierDetection: own.outlierDetection ?? inherited.outlierDetection,
    loadBalancer: own.loadBalancer ?? inherited.loadBalancer,
    tls: own.tls ?? inherited.tls,
  };
}

/**
 * The TLS that decides how endpoints are marked: an entry for the port counts where it speaks of TLS, and only then replaces what stands above it.
 * Unlike everything else, for which an entry replaces the policy as a whole.
 */
export function endpointTls(rule: DestinationRule | undefined, port: number, subsetName: string): PolicyBlocks['tls'] {
  const of = (policy: TrafficPolicy | undefined) => (
    policy?.portLevelSettings?.find(setting => setting.port?.number === port && setting.tls !== undefined)?.tls ?? policy?.tls);
  const own = subsetName === '' ? undefined : rule?.subsets.find(subset => subset.name === subsetName)?.trafficPolicy;
  return of(own) ?? of(rule?.trafficPolicy);
}

/** What MeshConfig says of every cluster: only pools and outlier detection, as in Istio. */
export function meshPolicy({ model }: Mesh): Defaults {
  const { connectionPool, outlierDetection } = objectOf(model.config.raw.defaultTrafficPolicy) as PolicyBlocks;
  return { connectionPool, outlierDetection };
}
