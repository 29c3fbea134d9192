import type { Resource } from './resource';

/** Application protocol of a port, as Istio selects it (istio-behaviour A2). `Auto` is detected per connection. */
export type Protocol = 'HTTP' | 'HTTP2' | 'GRPC' | 'GRPC-Web' | 'HTTP_PROXY' | 'TCP' | 'HTTPS' | 'TLS' | 'Mongo' | 'Redis' | 'MySQL' | 'UDP' | 'Auto';

/** How addresses behind a service are found (istio-behaviour A1, A4). */
export type Resolution = 'client-side' | 'passthrough' | 'dns' | 'dns-round-robin' | 'dynamic-dns' | 'alias';

/** One port of a service in the registry. */
export interface ServicePort {
  readonly name: string;
  /** Number that callers dial. */
  readonly number: number;
  readonly protocol: Protocol;
  /** Kubernetes targetPort (number or container port name) or ServiceEntry targetPort; absent: the same number. */
  readonly targetPort?: number | string;
}

/** A Service of type ExternalName, as the service knows it that it stands for. */
export interface Alias { readonly hostname: string; readonly namespace: string }

/** A service of the registry: a Kubernetes Service, or one host × address of a ServiceEntry. */
export interface Service {
  /** Fully qualified, `reviews.default.svc.cluster.local`, or the ServiceEntry's host. */
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  readonly registry: 'Kubernetes' | 'External';
  /** VIP or CIDR; `0.0.0.0` where there is none. */
  readonly address: string;
  /** All cluster IPs, more than one for dual stack. */
  readonly addresses: readonly string[];
  /** Address from `status.addresses`, used only by proxies with DNS capture (A5). */
  readonly autoAddress?: string;
  /** The same for IPv6. */
  readonly autoAddressV6?: string;
  readonly resolution: Resolution;
  readonly headless: boolean;
  readonly ports: readonly ServicePort[];
  readonly selector: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Values of exportTo; empty means the mesh default. */
  readonly exportTo: readonly string[];
  readonly meshExternal: boolean;
  /** Identities that servers may show besides their endpoints' own: annotations of a Kubernetes Service (A1), as they stand in certificates. */
  readonly allowedIdentities: readonly string[];
  /** SANs given by a ServiceEntry. */
  readonly subjectAltNames: readonly string[];
  /** ExternalName target of an alias. */
  readonly externalName?: string;
  /** Services that are other names of this one, by namespace and host name; absent where there are none. */
  readonly aliases?: readonly Alias[];
  /** `internalTrafficPolicy: Local`: only endpoints on the caller's node. */
  readonly nodeLocal: boolean;
  /** trafficDistribution of spec, annotation or namespace, `PreferClose` read as `PreferSameZone`. */
  readonly trafficDistribution?: 'PreferSameZone' | 'PreferSameNode';
  readonly creationTimestamp: string;
  readonly resource: Resource;
}

const SESSION_LABELS = ['istio.io/persistent-session', 'istio.io/persistent-session-header'];

/** Whether clients stay with the endpoint they began with, so that one that ends is still of use to them. */
export const keepsSessions = ({ labels }: Pick<Service, 'labels'>): boolean => SESSION_LABELS.some(label => (labels[label] ?? '') !== '');

/** One address that serves a service port. */
export interface Endpoint {
  /** IP, host name (DNS services), or `unix:///path`. */
  readonly address: string;
  readonly port: number;
  readonly servicePortName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, `''` where unknown. */
  readonly locality: string;
  readonly weight: number;
  /** `undefined`: no health is known (ServiceEntry, WorkloadEntry). */
  readonly health?: 'HEALTHY' | 'UNHEALTHY' | 'DRAINING';
  readonly tlsMode: 'istio' | 'disabled';
  /** A gateway of another network, which stands for what is behind it. */
  readonly leadsElsewhere?: boolean;
  readonly serviceAccount?: string;
  readonly namespace: string;
  readonly workloadName: string;
  readonly network?: string;
  readonly nodeName?: string;
  readonly clusterId: string;
}

/** Whatever runs behind a proxy: a Pod, or a Deployment (and its like) standing for its Pods where none is given. */
export interface Workload {
  readonly kind: string;
  readonly namespace: string;
  /** Pod name; the controller's own name for a stand-in. */
  readonly name: string;
  /** Controller's name (istio-behaviour A3): `productpage-v1`. */
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly ip: string;
  /** All addresses, `ip` first; more than one for dual stack. */
  readonly ips: readonly string[];
  /** Whether `ip` is where somebody really runs it, rather than what its status says. */
  readonly placed: boolean;
  /** Where the proxy listens for each target port, if not on that port (placement with a single loopback address). */
  readonly listenPorts: Readonly<Record<number, number>>;
  readonly containerPorts: readonly { readonly name?: string; readonly port: number; readonly protocol: string; readonly container: string }[];
  readonly locality: string;
  readonly nodeName?: string;
  readonly ready: boolean;
  /** A gateway: some Gateway selects it, or its `istio` label says so. */
  readonly gateway: boolean;
  readonly resource: Resource;
}
