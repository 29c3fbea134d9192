/** How traffic reaches the proxy (ARCHITECTURE.md, capture modes). */
export type Capture = 'iptables' | 'explicit';

/** Whose Envoy reads the resources: Istio's own build, or stock Envoy and the reference proxy. */
export type Dialect = 'istio' | 'stock';

/**
 * One data-plane proxy, as an xDS node describes it (istio-behaviour I7) or as a Pod implies it.
 * Everything the compiler depends on besides the model.
 */
export interface Proxy {
  readonly type: 'sidecar' | 'router';
  /** `TYPE~IP~POD.NS~NS.svc.DOMAIN`. */
  readonly id: string;
  /** Pod name. */
  readonly name: string;
  readonly namespace: string;
  /** The Pod's addresses, primary first. */
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Name of the controller: `productpage-v1`. */
  readonly workload: string;
  readonly clusterId: string;
  /** DNS domain of the proxy, `default.svc.cluster.local`. */
  readonly dnsDomain: string;
  readonly locality: string;
  readonly capture: Capture;
  readonly dialect: Dialect;
  /** Node metadata as strings and objects; keys of istio-behaviour I7 plus the explicit-capture keys below. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * What explicit capture needs to know, from node metadata.
 * Keys on the wire: CAPTURE=explicit, ADDRESS_BLOCK, APP_PORTS (JSON), HTTP_PROXY_PORT, UNPRIVILEGED_POD.
 */
export interface ExplicitCapture {
  /** `127.7.0.0/16` (an address of its own for each service), or `127.0.0.1:20000-20999` (a port of its own). */
  readonly addressBlock: string;
  /** Where the application listens on 127.0.0.1, by the target port that other workloads dial. Absent: the same port. */
  readonly appPorts: Readonly<Record<number, number>>;
  /** Port of the HTTP proxy listener on the proxy's own address; 0 turns it off. */
  readonly httpProxyPort: number;
}
