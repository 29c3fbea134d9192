import { objectOf } from '../../model/json';
import { proxyConfigOf } from '../proxy-config';
import type { View } from '../view';

/** What stands before a gateway, by its ProxyConfig (istio-behaviour F4, F6). */
export interface GatewayTopology {
  /** Proxies whose word about the client counts. */
  readonly numTrustedProxies?: number;
  readonly forwardClientCertDetails?: string;
  /** The balancer says whose connection it passes on. */
  readonly proxyProtocol?: unknown;
}

export const gatewayTopology = ({ mesh, proxy }: View): GatewayTopology => objectOf(proxyConfigOf(mesh, proxy).gatewayTopology);
