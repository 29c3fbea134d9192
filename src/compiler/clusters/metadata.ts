import { create } from '@bufbuild/protobuf';
import type { JsonObject } from '@bufbuild/protobuf';
import type { Service } from '../../model/service';
import { MetadataSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { Metadata } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { DestinationRule } from '../scope/destination-rules';

export interface ClusterFacts {
  readonly services: readonly Service[];
  readonly subset?: string;
  readonly rule?: DestinationRule;
  readonly external?: boolean;
  /** The rule's TLS speaks for itself, so `istio.alpn` keeps its hands off. */
  readonly alpnOverride?: boolean;
}

const NOTHING = create(MetadataSchema);

/** `filter_metadata.istio` of a cluster: which services and which rule it came from. */
export function istioMetadata(facts: ClusterFacts): Metadata {
  const { services, subset, rule, external, alpnOverride } = facts;
  const istio: JsonObject = {
    ...(alpnOverride === true ? { alpn_override: 'false' } : {}),
    ...(rule === undefined ? {} : { config: rule.configPath }),
    ...(external === true ? { external: true } : {}),
    services: services.map(service => ({ host: service.hostname, name: service.name, namespace: service.namespace })),
    ...(subset === undefined || subset === '' ? {} : { subset }),
  };
  return { ...NOTHING, filterMetadata: { istio } };
}
