import { create } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { pack } from '../../xds/any';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import { CaresDnsResolverConfigSchema } from '../../xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb';

export const CARES_RESOLVER = create(TypedExtensionConfigSchema, {
  name: 'envoy.network.dns_resolver.cares',
  typedConfig: pack(CaresDnsResolverConfigSchema, { udpMaxQueries: 100 }),
});

/** Number of `Cluster.dns_jitter`, a field younger than the messages in `xds/gen`. */
export const DNS_JITTER_FIELD = 58;
/** A Duration of 100 ms, with its length before it, as it stands on the wire. */
const JITTER = new Uint8Array([5, 0x10, 0x80, 0xc2, 0xd7, 0x2f]);

/** Spreads the look-ups of many proxies over 100 ms, as Istio does. */
export function withDnsJitter(cluster: Cluster): Cluster {
  cluster.$unknown = [{ no: DNS_JITTER_FIELD, wireType: WireType.LengthDelimited, data: JITTER }];
  return cluster;
}
