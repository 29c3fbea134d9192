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
  const common = commonOptions(pool);
  const http2 = speaksHttp2(view, port, pool);
  const preserved = isHttpLike(port) && preservesHeaderCase(view.mesh, view.proxy);
  const sniffed = port.protocol === 'Auto' && view.proxy.type === 'sidecar';
  let version: Init['upstreamProtocolOptions'];
  if (pool.useClientProtocol || (sniffed && !http2)) {
    version = { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1Options(preserved), http2ProtocolOptions: h2(pool) } };
  } else if (http2) {
    version = { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'http2ProtocolOptions', value: h2(pool) } } };
  }
  if (version === undefined && common === undefined && !transport.autoSni && !preserved) return {};
  return {
    [KEY]: pack(HttpProtocolOptionsSchema, {
      commonHttpProtocolOptions: common,
      upstreamProtocolOptions: version ?? { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: http1Options(preserved) } } },
      upstreamHttpProtocolOptions: transport.autoSni ? { autoSni: true, autoSanValidation: transport.autoSan } : undefined,
    }),
  };
}

/** The same for an inbound cluster, whose protocol is the port's own. */
export function inboundProtocolOptions(view: View, port: Pick<ServicePort, 'protocol'>, pool: Pool): Record<string, Any> {
  const common = commonOptions(pool);
  const preserved = isHttpLike(port) && preservesHeaderCase(view.mesh, view.proxy);
  let version: Init['upstreamProtocolOptions'];
  if (isHttp2(port.protocol)) {
    version = { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'http2ProtocolOptions', value: h2(pool) } } };
  } else if (port.protocol === 'Auto' || pool.useClientProtocol) {
    version = { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: http1Options(preserved), http2ProtocolOptions: h2(pool) } };
  }
  if (version === undefined && common === undefined && !preserved) return {};
  return {
    [KEY]: pack(HttpProtocolOptionsSchema, {
      commonHttpProtocolOptions: common,
      upstreamProtocolOptions: version ?? { case: 'explicitHttpConfig', value: { protocolConfig: { case: 'httpProtocolOptions', value: http1Options(preserved) } } },
    }),
  };
}

/** Whether requests may pass a port. */
const isHttpLike = ({ protocol }: Pick<ServicePort, 'protocol'>): boolean => isHttp(protocol) || protocol === 'Auto';

/** What pass-through clusters speak: whatever the caller does. */
export const PASSTHROUGH_OPTIONS: Record<string, Any> = {
  [KEY]: pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: duration(300_000) },
    upstreamProtocolOptions: { case: 'useDownstreamProtocolConfig', value: { httpProtocolOptions: {}, http2ProtocolOptions: {} } },
  }),
};

function commonOptions(pool: Pool): Common | undefined {
  const { idleTimeoutMs, maxConnectionDurationMs, maxRequestsPerConnection } = pool;
  if (idleTimeoutMs === undefined && maxConnectionDurationMs === undefined && maxRequestsPerConnection === undefined) return undefined;
  return {
    idleTimeout: idleTimeoutMs === undefined ? undefined : duration(idleTimeoutMs),
    maxConnectionDuration: maxConnectionDurationMs === undefined ? undefined : duration(maxConnectionDurationMs),
    maxRequestsPerConnection,
  };
}

const h2 = (pool: Pool): MessageInitShape<typeof Http2ProtocolOptionsSchema> => ({
  maxConcurrentStreams: pool.maxConcurrentStreams !== undefined && pool.maxConcurrentStreams > 0 ? pool.maxConcurrentStreams : undefined,
  connectionKeepalive: pool.http2KeepAlive,
});

/** Whether a cluster speaks HTTP/2 of itself: by its port's protocol, or upgraded. */
export const speaksHttp2 = (view: View, port: ServicePort, pool: Pool): boolean => isHttp2(port.protocol) || upgraded(view, port, pool);

function upgraded(view: View, port: ServicePort, pool: Pool): boolean {
  if (pool.useClientProtocol) return false;
  if (pool.h2UpgradePolicy === 'UPGRADE') return isHttp(port.protocol) || port.protocol === 'Auto';
  if (pool.h2UpgradePolicy === 'DO_NOT_UPGRADE') return false;
  return view.mesh.model.config.raw.h2UpgradePolicy === 'UPGRADE' && port.protocol === 'HTTP';
}
