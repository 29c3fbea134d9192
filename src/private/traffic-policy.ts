import type { IConstruct } from 'constructs';
import { requireInteger } from './check';
import { meshError } from './errors';
import { outlierSpec } from './outlier';
import type { networking } from '../../imports';
import type { MeshPort } from '../mesh-port';
import type { TrafficPolicyProps } from '../traffic-policy';

/** `trafficPolicy` of a service or a subset: the two are different types in the L1s, and one shape. */
export type TrafficPolicySpec = networking.DestinationRuleSpecTrafficPolicy & networking.DestinationRuleSpecSubsetsTrafficPolicy;

type PortLevel = networking.DestinationRuleSpecTrafficPolicyPortLevelSettings;
type Blocks = Pick<networking.DestinationRuleSpecTrafficPolicy, 'connectionPool' | 'loadBalancer' | 'outlierDetection' | 'tls' | 'retryBudget'>;

/** The policy of a service, with those of its ports; undefined where nothing is set: Istio refuses an empty one. */
export function trafficPolicy(service: TrafficPolicyProps | undefined, ports: readonly MeshPort[]): TrafficPolicySpec | undefined {
  return specOf(blocks(service ?? {}), portLevel(ports, service, {}));
}

/** The policy of a version: the blocks that it touches, complete, as Istio replaces each block as a whole. */
export function subsetPolicy(
  version: TrafficPolicyProps | undefined, service: TrafficPolicyProps | undefined, ports: readonly MeshPort[],
): TrafficPolicySpec | undefined {
  if (version === undefined || isEmpty(version)) return undefined;
  const touched = blocks(version);
  const all = blocks({ ...service, ...version });
  const own = Object.fromEntries(Object.entries(all).filter(([name]) => touched[name as keyof Blocks] !== undefined)) as Blocks;
  return specOf(own, portLevel(ports, service, version));
}

/** Policies that Istio would take, and silently turn into something else. */
export function requireTrafficPolicy(scope: IConstruct, own: TrafficPolicyProps | undefined, inherited: TrafficPolicyProps = {}, what: string = 'traffic'): void {
  if (own === undefined) return;
  const all = { ...inherited, ...own };
  if (all.outlierDetection !== undefined && all.locality === undefined) {
    throw meshError(scope, 'MESH_LOCALITY_UNDECIDED', `outlierDetection of ${what} needs a choice of locality, got none: Istio would prefer near endpoints from now on; set locality to Locality.ignored(), Locality.nearestFirst() or another`);
  }
  if (all.locality?.needsOutlierDetection === true && all.outlierDetection === undefined) {
    throw meshError(scope, 'MESH_LOCALITY_UNDECIDED', `locality of ${what} needs outlierDetection, got none: without it Istio never fails over; set outlierDetection, or Locality.distribute()`);
  }
  if (all.outlierDetection !== undefined) atScope(scope, () => outlierSpec(all.outlierDetection!));
  const { percent, minRetryConcurrency } = all.retryBudget ?? {};
  if (percent !== undefined && !(percent >= 0 && percent <= 100)) throw meshError(scope, 'MESH_PERCENT_INVALID', `percent of retryBudget must be from 0 to 100, got ${percent}; choose a share in that range`);
  if (minRetryConcurrency !== undefined) requireInteger(scope, 'MESH_LIMIT_INVALID', 'minRetryConcurrency of retryBudget', minRetryConcurrency, 0, 4294967295);
  if (all.retryBudget !== undefined && all.connectionPool?._toKube().http?.maxRetries !== undefined) {
    throw meshError(scope, 'MESH_FIELD_EXCLUSIVE', `retryBudget of ${what} must not stand beside maxRetries of its connectionPool, got both: Envoy ignores maxRetries then; leave one of them away`);
  }
}

/** The same for the ports of a service. */
export function requirePortPolicies(scope: IConstruct, ports: readonly MeshPort[], service: TrafficPolicyProps | undefined): void {
  for (const port of ports) {
    if (port.traffic?.retryBudget !== undefined) throw meshError(scope, 'MESH_FIELD_UNSUPPORTED', `a port must have no retryBudget, which Istio has only for services and versions, got one on port ${port.number}; set it on the service`);
    requireTrafficPolicy(scope, port.traffic, { ...service, retryBudget: undefined }, `port ${port.number}`);
  }
}

function atScope(scope: IConstruct, check: () => void): void {
  try {
    check();
  } catch (error) {
    const [, code, rule] = /^(MESH_[A-Z0-9_]+): ([^]*)$/.exec((error as Error).message) ?? [];
    throw code === undefined ? error : meshError(scope, code, rule);
  }
}

function blocks({ loadBalancing, locality, connectionPool, outlierDetection, tls, retryBudget }: TrafficPolicyProps): Blocks {
  const balanced = loadBalancing !== undefined || locality !== undefined;
  return {
    loadBalancer: balanced ? { ...loadBalancing?._toKube(), localityLbSetting: locality?._toKube() } : undefined,
    connectionPool: connectionPool?._toKube(),
    outlierDetection: outlierDetection && outlierSpec(outlierDetection),
    tls: tls?._toKube(),
    retryBudget: retryBudget && { percent: retryBudget.percent, minRetryConcurrency: retryBudget.minRetryConcurrency },
  };
}

function portLevel(ports: readonly MeshPort[], service: TrafficPolicyProps | undefined, version: TrafficPolicyProps): PortLevel[] {
  return ports.filter((port) => port.traffic !== undefined && !isEmpty(port.traffic)).map((port) => {
    const { retryBudget: _service, ...four } = blocks({ ...service, ...port.traffic, ...version });
    return { port: { number: port.number }, ...four } as PortLevel;
  });
}

function specOf(own: Blocks, ports: PortLevel[]): TrafficPolicySpec | undefined {
  const portLevelSettings = ports.length === 0 ? undefined : ports;
  return isEmpty(own) && portLevelSettings === undefined ? undefined : { ...own, portLevelSettings } as TrafficPolicySpec;
}

function isEmpty(props: object): boolean {
  return Object.values(props).every((value) => value === undefined);
}
