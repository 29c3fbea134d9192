import { isIpAddress } from '../../model/addresses';
import { numberOf } from '../../model/json';
import { isHttp, isTcp } from '../../model/ports';
import type { Service, ServicePort } from '../../model/service';
import { dnsCapture } from '../routes/service-hosts';
import type { View } from '../view';

export const WILDCARD = '0.0.0.0';

/** The VIP this proxy dials for a service: an automatic one only where the agent's DNS hands it out. */
export function addressFor(view: View, service: Service): string {
  if (service.address !== WILDCARD || service.autoAddress === undefined) return service.address;
  return dnsCapture(view) ? service.autoAddress : service.address;
}

/**
 * Addresses on which a port of a service is caught, where no Sidecar resource says one (istio-behaviour C1, C2).
 * @param endpoints - whether a service without an address is caught at its endpoints: not on a port that a Sidecar resource gives
 */
export function bindsOf(view: View, service: Service, port: ServicePort, endpoints: boolean): readonly string[] {
  if (isHttp(port.protocol)) return [WILDCARD];
  const address = addressFor(view, service);
  const byEndpoint = endpoints && service.resolution === 'passthrough' && address === WILDCARD && (isTcp(port.protocol) || port.protocol === 'Auto');
  if (!byEndpoint) return [isIpAddress(address) ? address : WILDCARD];
  const addresses = view.mesh.model.endpointsOf(service, port.name).map(endpoint => endpoint.address);
  // An entry that neither lists nor selects anything is for whatever has that port.
  if (addresses.length === 0 && service.registry === 'External' && Object.keys(service.selector).length === 0) return [WILDCARD];
  // Whoever dials its own address does not pass here.
  return [...new Set(addresses)].filter(each => isIpAddress(each) && each !== view.proxy.ips[0]);
}

/**
 * Whether a listener would get in the way of another: of those that capture, of those that the proxy itself says it has,
 * or, on a proxy without privilege that really binds, of the system's.
 * @param bind - undefined where each service has an address of its own
 */
export function isTaken({ mesh, proxy }: View, bind: string | undefined, port: ServicePort, binds: boolean): boolean {
  if (binds && proxy.metadata.UNPRIVILEGED_POD === 'true' && port.number > 0 && port.number < 1024) return true;
  const everywhere = bind === undefined ? isHttp(port.protocol) : bind === WILDCARD;
  if (!everywhere) return false;
  const { proxyListenPort, proxyInboundListenPort } = mesh.model.config;
  const { ENVOY_STATUS_PORT, ENVOY_PROMETHEUS_PORT } = proxy.metadata;
  return [proxyListenPort, proxyInboundListenPort, numberOf(ENVOY_STATUS_PORT), numberOf(ENVOY_PROMETHEUS_PORT)].includes(port.number);
}
