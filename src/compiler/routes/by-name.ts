import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { View } from '../view';
import { dnsCapture, portRoutes, routeConfiguration, sniffedRoutes } from './sidecar';

/** The route configuration a sidecar asks for by name: `"80"` or `host:port`. An unknown name gets an empty one. */
export function sidecarRoutes(view: View, name: string): RouteConfiguration {
  const { mesh, proxy, scope } = view;
  return mesh.memo.get('sidecarRoutes', [scope, name, proxy.dnsDomain, view.callerKey, dnsCapture(view)], () => {
    const listener = scope.listeners[scope.listeners.length - 1];
    if (/^\d+$/.test(name)) return portRoutes(view, listener, name, Number(name));
    const colon = name.lastIndexOf(':');
    if (colon > 0) return sniffedRoutes(view, listener, name.slice(0, colon), Number(name.slice(colon + 1)));
    return routeConfiguration(name, []);
  });
}
