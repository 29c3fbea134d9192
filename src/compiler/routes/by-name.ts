import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { View } from '../view';
import { dnsCapture } from './service-hosts';
import { portRoutes, routeConfiguration, sniffedRoutes } from './sidecar';

/** The route configuration a sidecar asks for by name: `"80"` or `host:port`. An unknown name gets an empty one. */
export function sidecarRoutes(view: View, name: string): RouteConfiguration {
  const { mesh, proxy, scope } = view;
  return mesh.memo.get('sidecarRoutes', [scope, name, proxy.dnsDomain, view.callerKey, dnsCapture(view)], () => {
    const uds = name.startsWith('unix://');
    const port = uds ? 0 : Number(/^\d+$/.test(name) ? name : name.slice(name.lastIndexOf(':') + 1));
    const listener = scope.listeners.find(({ own, bind }) => own === undefined || (own.port === port && (port !== 0 || bind === name)));
    if (name === 'http_proxy') return portRoutes(view, scope.listeners[scope.listeners.length - 1], name, 0);
    if (listener === undefined) return routeConfiguration(name, []);
    if (uds || /^\d+$/.test(name)) return portRoutes(view, listener, name, port);
    const colon = name.lastIndexOf(':');
    if (colon > 0) return sniffedRoutes(view, listener, name.slice(0, colon), port);
    return routeConfiguration(name, []);
  });
}
