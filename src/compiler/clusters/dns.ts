import { create } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import { CaresDnsResolverConfigSchema } from '../../xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb';

export const CARES_RESOLVER = create(TypedExtensionConfigSchema, {
  name: 'envoy.network.dns_resolver.cares',
  typedConfig: pack(CaresDnsResolverConfigSchema, { udpMaxQueries: 100 }),
});

/** Spreads the look-ups of many proxies, as Istio does. */
export const DNS_JITTER = duration(100);
