import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { FilterChainSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { addressMessage } from '../endpoints/assignment';
import { BLACK_HOLE } from '../names';
import { listenerAccessLogs } from '../telemetry/access-log';
import type { View } from '../view';
import { elsewhere } from './outbound';
import { tcpTo } from './tcp';

/** Where captured outbound connections arrive: they go on to the listener of their original destination, or elsewhere. */
export function virtualOutbound(view: View): Listener {
  const { config } = view.mesh.model;
  const port = config.proxyListenPort;
  return create(ListenerSchema, {
    name: 'virtualOutbound',
    address: addressMessage('0.0.0.0', port),
    useOriginalDst: true,
    transparent: view.proxy.metadata.INTERCEPTION_MODE === 'TPROXY' ? true : undefined,
    filterChains: [
      // Nobody may dial the capturing port itself: it would loop.
      create(FilterChainSchema, {
        name: 'virtualOutbound-blackhole', filterChainMatch: { destinationPort: port }, filters: tcpTo(view, 'outbound', BLACK_HOLE, { silent: true }),
      }),
      create(FilterChainSchema, { name: 'virtualOutbound-catchall-tcp', filters: tcpTo(view, 'outbound', elsewhere(view)) }),
    ],
    trafficDirection: TrafficDirection.OUTBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
    accessLog: listenerAccessLogs(view, 'CLIENT'),
  });
}
