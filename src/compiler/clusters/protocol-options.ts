import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Pool } from './connection-pool';
import { isHttp, isHttp2 } from '../../model/ports';
import type { ServicePort } from '../../model/service';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import type { Http2ProtocolOptionsSchema, HttpProtocolOptionsSchema as CommonSchema } from '../../xds/gen/envoy/config/core/v3/protocol_pb';
import { HttpProtocolOptionsSchema } from '../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { http1Options, preservesHeaderCase } from '../header-case';
import type { ClientTransport } from '../security/client-tls';
import type { View } from '../view';

const KEY = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

type Init = MessageInitShape<typeof HttpProtocolOptionsSchema>;
type Common = MessageInitShape<typeof CommonSchema>;

/** HTTP version and connection limits of an outbound cluster (istio-behaviour D2, D3); empty where Envoy's default is meant. */
export function protocolOptions(view: View, port: ServicePort, pool: Pool, transport: Pick<ClientTransport, 'autoSni' | 'autoSan'>): Record<string, Any> {
  return optionsOf(versionOf(view, port, pool, upgraded(view, port, pool)), pool, transport);
}

/** The same for an inbound cluster, whose protocol is the port's own. */
export function inboundProtocolOptions(view: View, port: Pick<ServicePort, 'protocol'>, pool: Pool): Record<string, Any> {
  return optionsOf(versionOf(view, port, pool, false), pool, { autoSni: false, autoSan: false });
}

type Version = NonNullable<Init['upstreamProtocolOptions']>;

/** Which HTTP a cluster speaks; undefined where nobody says. Only what is HTTP/2 of itself has settings of HTTP/2. */
function versionOf(view: View, port: Pick<ServicePort, 'protocol'>, pool: Pool, toHttp2: boolean): Version | undefined {
  const preserved = isHttpLike(port) && !isHttp2(port.protocol) && preservesHeaderCase(view.mesh, view.proxy);
  if (pool.useClientProtocol || (port.protocol === 'Auto' && view.proxy.type === 'sidecar')) {
    return { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1Options(preserved), http2ProtocolOptions: {} } };
  }
  if (preserved) return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: http1Options(true) } } };
  if (!isHttp2(port.protocol) && !toHttp2) return undefined;
  return { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'http2ProtocolOptions', value: h2(pool) } } };
}

function optionsOf(version: Version | undefined, pool: Pool, { autoSni, autoSan }: Pick<ClientTransport, 'autoSni' | 'autoSan'>): Record<string, Any> {
  const common = commonOptions(pool);
  if (version === undefined && common === undefined && !autoSni && !autoSan) return {};
  return {
    [KEY]: pack(HttpProtocolOptionsSchema, {
      commonHttpProtocolOptions: common,
      upstreamProtocolOptions: version ?? { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } } },
      upstreamHttpProtocolOptions: autoSni || autoSan ? { autoSni, autoSanValidation: autoSan } : undefined,
    }),
  };
}

/** Whether requests may pass a port. */
const isHttpLike = ({ protocol }: Pick<ServicePort, 'protocol'>): boolean => isHttp(protocol) || protocol === 'Auto';

/** What pass-through clusters speak: whatever the caller does. */
export const passthroughOptions = (preserved: boolean): Record<string, Any> => ({
  [KEY]: pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: duration(300_000) },
    upstreamProtocolOptions: { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1Options(preserved), http2ProtocolOptions: {} } },
  }),
});

function commonOptions(pool: Pool): Common | undefined {
  const { idleTimeoutMs, maxConnectionDurationMs, maxRequestsPerConnection, maxConcurrentStreams, http2KeepAlive } = pool;
  // Settings of HTTP/2 bring the block into being even where the cluster does not speak it.
  const given = [idleTimeoutMs, maxConnectionDurationMs, maxRequestsPerConnection, maxConcurrentStreams, http2KeepAlive];
  if (given.every(each => each === undefined)) return undefined;
  return {
    idleTimeout: idleTimeoutMs === undefined ? undefined : duration(idleTimeoutMs),
    maxConnectionDuration: maxConnectionDurationMs === undefined ? undefined : duration(maxConnectionDurationMs),
    maxRequestsPerConnection,
  };
}

const h2 = (pool: Pool): MessageInitShape<typeof Http2ProtocolOptionsSchema> => ({
  maxConcurrentStreams: pool.maxConcurrentStreams,
  connectionKeepalive: pool.http2KeepAlive,
});

/** Whether a cluster speaks HTTP/2 of itself: by its port's protocol, or upgraded. */
export function speaksHttp2(view: View, port: ServicePort, pool: Pool): boolean {
  const version = versionOf(view, port, pool, upgraded(view, port, pool));
  return version?.case === 'explicitHttpConfig' && version.value.protocolConfig?.case === 'http2ProtocolOptions';
}

/** A rule upgrades whatever the port is; the mesh only what is known to be HTTP. */
function upgraded(view: View, port: ServicePort, pool: Pool): boolean {
  if (pool.useClientProtocol) return false;
  if (pool.h2UpgradePolicy === 'UPGRADE') return true;
  if (pool.h2UpgradePolicy === 'DO_NOT_UPGRADE') return false;
  return view.mesh.model.config.raw.h2UpgradePolicy === 'UPGRADE' && isHttp(port.protocol);
}
