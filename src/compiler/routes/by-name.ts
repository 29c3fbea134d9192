import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { View } from '../view';
import { dnsCapture } from './service-hosts';
import { portRoutes, routeConfiguration, sniffedRoutes } from './sidecar';

/** The route configuration a sidecar asks for by name: `"80"` or `host:port`. An unknown name gets an empty one. */
export function sidecarRoutes(view: View, name: string): RouteConfiguration {
  const { mesh, proxy, scope } = view;
  return mesh.memo.get('sidecarRoutes', [scope, name, proxy.dnsDomain, view.callerKey, dnsCapture(view)], () => {
    const shared = name === 'http_proxy' || name.startsWith('unix://') || /^\d+$/.test(name);
    const colon = name.lastIndexOf(':');
    if (!shared && colon <= 0) return routeConfiguration(name, []);
    // A unix socket and the HTTP proxy serve every port.
    const port = /^\d+$/.test(name) ? Number(name) : shared ? 0 : Number(name.slice(colon + 1));
    const listener = scope.listeners.find(({ own, bind }) => own === undefined || (own.port === port && (port !== 0 || bind === name)));
    if (shared) return portRoutes(view, listener, name, listener?.own?.protocol === 'HTTP_PROXY' ? 0 : port);
    return listener === undefined ? routeConfiguration(name, []) : sniffedRoutes(view, listener, name.slice(0, colon), port);
  });
}
