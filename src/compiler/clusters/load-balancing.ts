import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Service } from '../../model/service';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_LbPolicy } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster_CommonLbConfigSchema, Cluster_SlowStartConfigSchema, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { durationMs } from '../durations';
import { localityWeighted } from '../endpoints/locality';
import type { ConsistentHash, LoadBalancer, PolicyBlocks } from '../istio-api';
import type { View } from '../view';

export interface Balancing {
  /** PASSTHROUGH turns any cluster into one of original destination. */
  readonly type: Cluster_DiscoveryType;
  readonly policy: Cluster_LbPolicy;
  readonly config?: MessageInitShape<typeof ClusterSchema>['lbConfig'];
  readonly locality?: MessageInitShape<typeof Cluster_CommonLbConfigSchema>['localityConfigSpecifier'];
}

/** Load balancing of an outbound cluster (istio-behaviour D4, D5). */
export function balancing(view: View, policy: PolicyBlocks, type: Cluster_DiscoveryType, service: Service): Balancing {
  const locality: Balancing['locality'] = localityWeighted(view, policy, service) ? { case: 'localityWeightedLbConfig', value: {} } : undefined;
  return { ...policyOf(view, policy, type), locality };
}

function policyOf(view: View, policy: PolicyBlocks, type: Cluster_DiscoveryType): Balancing {
  const block = policy.loadBalancer;
  if (block?.simple === 'PASSTHROUGH' && view.explicit === undefined) {
    return { type: Cluster_DiscoveryType.ORIGINAL_DST, policy: Cluster_LbPolicy.CLUSTER_PROVIDED };
  }
  if (type === Cluster_DiscoveryType.ORIGINAL_DST) return { type, policy: Cluster_LbPolicy.CLUSTER_PROVIDED };
  const slowStartConfig = slowStart(block);
  // The block of the default policy stays where hashing has nothing to say in its place.
  if (block?.consistentHash !== undefined) {
    return { type, config: slowStartConfig && { case: 'leastRequestLbConfig', value: { slowStartConfig } }, ...hashing(block.consistentHash) };
  }
  switch (block?.simple) {
    case 'ROUND_ROBIN':
      return { type, policy: Cluster_LbPolicy.ROUND_ROBIN, config: slowStartConfig && { case: 'roundRobinLbConfig', value: { slowStartConfig } } };
    case 'RANDOM': return { type, policy: Cluster_LbPolicy.RANDOM };
    default:
      return {
        type, policy: Cluster_LbPolicy.LEAST_REQUEST, config: slowStartConfig && { case: 'leastRequestLbConfig', value: { slowStartConfig } },
      };
  }
}

function hashing(hash: ConsistentHash): Pick<Balancing, 'policy' | 'config'> {
  const size = (value: number | string | undefined): bigint | undefined => (value === undefined || Number(value) === 0 ? undefined : BigInt(value));
  if (hash.maglev !== undefined) {
    const tableSize = size(hash.maglev.tableSize);
    return { policy: Cluster_LbPolicy.MAGLEV, ...(tableSize === undefined ? {} : { config: { case: 'maglevLbConfig', value: { tableSize } } }) };
  }
  const minimumRingSize = hash.ringHash === undefined ? size(hash.minimumRingSize) ?? 1024n : size(hash.ringHash.minimumRingSize);
  return { policy: Cluster_LbPolicy.RING_HASH, ...(minimumRingSize === undefined ? {} : { config: { case: 'ringHashLbConfig', value: { minimumRingSize } } }) };
}

function slowStart(block: LoadBalancer | undefined): MessageInitShape<typeof Cluster_SlowStartConfigSchema> | undefined {
  const window = durationMs(block?.warmup?.duration);
  if (window !== undefined) {
    return {
      slowStartWindow: duration(window),
      // The literal key is what istiod writes; no runtime layer has it.
      aggression: { defaultValue: block?.warmup?.aggression ?? 1, runtimeKey: '(' },
      minWeightPercent: { value: block?.warmup?.minimumPercent ?? 10 },
    };
  }
  const legacy = durationMs(block?.warmupDurationSecs);
  return legacy === undefined ? undefined : { slowStartWindow: duration(legacy) };
}
