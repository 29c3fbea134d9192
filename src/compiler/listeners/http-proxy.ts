import { create } from '@bufbuild/protobuf';
import { chainMessage } from './chains';
import { httpConnectionManager } from './hcm';
import { numberOf } from '../../model/json';
import { duration } from '../../xds/duration';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { addressMessage } from '../endpoints/assignment';
import type { View } from '../view';

const LOOPBACK = '127.0.0.1';

/** Where applications that honour `HTTP_PROXY` send whole URLs, if the mesh or the proxy has a port for it (istio-behaviour C1). */
export function httpProxyListener(view: View): Listener[] {
  const port = numberOf(view.proxy.metadata.HTTP_PROXY_PORT) || numberOf(view.mesh.model.config.raw.proxyHttpPort) || 0;
  if (port === 0) return [];
  const name = `${LOOPBACK}_${port}`;
  const manager = httpConnectionManager(view, { direction: 'outbound', statPrefix: `outbound_${name};`, routes: 'http_proxy', port: 0, absoluteUrl: true });
  return [create(ListenerSchema, {
    name,
    address: addressMessage(LOOPBACK, port),
    filterChains: [chainMessage({ filters: [manager] })],
    listenerFiltersTimeout: duration(0),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
  })];
}
