import type { JsonObject } from '@bufbuild/protobuf';
import type { Service } from '../../model/service';
import type { Metadata } from '../../xds/gen/envoy/config/core/v3/base_pb';
import * as literal from '../../xds/literals';
import type { DestinationRule } from '../scope/destination-rules';

export interface ClusterFacts {
  /** As `listed` gives them. */
  readonly services: JsonObject[];
  readonly subset?: string;
  readonly rule?: DestinationRule;
  readonly external?: boolean;
  /** The rule's TLS speaks for itself, so `istio.alpn` keeps its hands off. */
  readonly alpnOverride?: boolean;
}

/** Services as metadata name them. */
export const listed = (services: readonly Service[]): JsonObject[] => (
  services.map(service => ({ host: service.hostname, name: service.name, namespace: service.namespace })));

/** `filter_metadata.istio` of a cluster: which services and which rule it came from. */
export function istioMetadata({ services, subset, rule, external, alpnOverride }: ClusterFacts): Metadata {
  const istio: JsonObject = {};
  if (alpnOverride === true) istio.alpn_override = 'false';
  if (rule !== undefined) istio.config = rule.configPath;
  if (external === true) istio.external = true;
  istio.services = services;
  if (subset !== undefined && subset !== '') istio.subset = subset;
  return literal.metadata({ istio });
}
