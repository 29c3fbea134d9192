import { isIpAddress } from './addresses';
import { MeshError } from './error';
import { isObject, objectOf, textMapOf, textOf } from './json';
import { joinLocality, withTopologyLabels } from './locality';
import type { Model } from './model';
import { NETWORK_LABEL } from './networks';
import type { Workload } from './service';

/** Version of Istio whose behaviour the compiler follows; proxies of Istio's dialect report it. */
export const ISTIO_VERSION = '1.32.0';

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
  /** The group of proxies that it reports to belong to, `productpage.default`: under this name tracers know it. */
  readonly cluster: string;
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

/** What `proxyOf` cannot know from the model. */
export interface ProxyOptions {
  /** `iptables` by default. */
  readonly capture?: Capture;
  /** By default `istio` under iptables capture and `stock` under explicit capture. */
  readonly dialect?: Dialect;
  /** Explicit capture only; the address block of the proxy cannot be derived from anything else. */
  readonly explicit?: Partial<ExplicitCapture>;
  /** Further node metadata; wins over what the workload implies. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** The proxy beside a workload, described as the node its bootstrap would send. */
export function proxyOf(model: Model, workload: Workload, options: ProxyOptions = {}): Proxy {
  const capture = options.capture ?? 'iptables';
  const dialect = options.dialect ?? (capture === 'iptables' ? 'istio' : 'stock');
  const { name, namespace } = workload;
  const type = workload.gateway ? 'router' : 'sidecar';
  // What the injector writes there.
  const network = workload.labels[NETWORK_LABEL] || model.namespaceLabels(model.config.rootNamespace)[NETWORK_LABEL] || undefined;
  const metadata: Record<string, unknown> = {
    NAME: name,
    NAMESPACE: namespace,
    LABELS: workload.labels,
    SERVICE_ACCOUNT: workload.serviceAccount,
    CLUSTER_ID: model.clusterId,
    INSTANCE_IPS: workload.ips.join(','),
    WORKLOAD_NAME: workload.workload,
    ...(workload.nodeName === undefined ? {} : { NODE_NAME: workload.nodeName }),
    ...(network === undefined ? {} : { NETWORK: network }),
    ...(dialect === 'istio' ? { ISTIO_VERSION } : {}),
    // Istio's agent has two ports of its own.
    ...(capture === 'explicit' ? explicitMetadata(options.explicit ?? {})
      : { INTERCEPTION_MODE: 'REDIRECT', ENVOY_STATUS_PORT: 15021, ENVOY_PROMETHEUS_PORT: 15090 }),
    ...options.metadata,
  };
  const dnsDomain = `${namespace}.svc.${model.domain}`;
  // As Istio's agent names it.
  const cluster = `${workload.labels.app || 'istio-proxy'}.${namespace}`;
  return proxyFromNode({ id: `${type}~${workload.ip}~${name}.${namespace}~${dnsDomain}`, cluster, metadata, locality: workload.locality }, model);
}

/** An xDS node, as far as a proxy is made of it. */
export interface NodeLike {
  readonly id: string;
  readonly cluster?: string;
  readonly metadata?: unknown;
  /** Envoy's `{region, zone, subZone}`, or `region/zone/subzone`. */
  readonly locality?: unknown;
}

/**
 * The proxy that an xDS node describes. With a model, what the registry knows of its Pod wins over what the node says, as in istiod:
 * locality comes from the Pod's node. Throws MESH_NODE_INVALID where the id has another form.
 */
export function proxyFromNode(node: NodeLike, model?: Model): Proxy {
  const { type, ip, name, namespace: idNamespace, dnsDomain } = parseNodeId(node.id);
  const metadata = objectOf(node.metadata);
  const text = (key: string): string | undefined => textOf(metadata[key]) || undefined;
  const namespace = text('NAMESPACE') ?? idNamespace;
  const ips = (text('INSTANCE_IPS') ?? '').split(',').map(each => each.trim()).filter(isIpAddress);
  const reported: Proxy = {
    type,
    id: node.id,
    name,
    namespace,
    ips: ips.length > 0 ? ips : [ip],
    labels: textMapOf(metadata.LABELS),
    serviceAccount: text('SERVICE_ACCOUNT') ?? 'default',
    workload: text('WORKLOAD_NAME') ?? name,
    clusterId: text('CLUSTER_ID') ?? model?.clusterId ?? 'Kubernetes',
    cluster: node.cluster ?? '',
    dnsDomain,
    locality: localityText(node.locality),
    capture: text('CAPTURE') === 'explicit' ? 'explicit' : 'iptables',
    dialect: text('ISTIO_VERSION') === undefined ? 'stock' : 'istio',
    metadata,
  };
  const known = model?.workloadOf(reported);
  const locality = known?.locality || reported.locality;
  const labels = Object.keys(reported.labels).length === 0 && known !== undefined ? known.labels : reported.labels;
  return {
    ...reported,
    locality,
    labels: withTopologyLabels(labels, { locality, clusterId: reported.clusterId, nodeName: text('NODE_NAME'), network: text('NETWORK') }),
    serviceAccount: text('SERVICE_ACCOUNT') ?? known?.serviceAccount ?? 'default',
    workload: text('WORKLOAD_NAME') ?? known?.workload ?? name,
  };
}

const NODE_ID_FORM = 'a node id reads TYPE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN';

function parseNodeId(id: string): { readonly type: Proxy['type']; readonly ip: string; readonly name: string; readonly namespace: string; readonly dnsDomain: string } {
  const fail = (rule: string, repair: string): never => { throw new MeshError('MESH_NODE_INVALID', `${rule}, got ${JSON.stringify(id)}; ${repair}`); };
  const parts = id.split('~');
  if (parts.length !== 4) return fail(`${NODE_ID_FORM}, four parts`, 'write it so in node.id of the bootstrap');
  const [type, ip, pod, dnsDomain] = parts;
  if (type !== 'sidecar' && type !== 'router') return fail(`${NODE_ID_FORM} where TYPE is sidecar or router`, 'begin it with one of these');
  if (!isIpAddress(ip)) return fail(`${NODE_ID_FORM} where IP is an address`, "put the Pod's address there");
  // Pod names may hold dots, namespaces never do.
  const dot = pod.lastIndexOf('.');
  if (dot <= 0 || dot === pod.length - 1) return fail(`${NODE_ID_FORM} where the third part names Pod and namespace`, 'write POD.NAMESPACE there');
  return { type, ip, name: pod.slice(0, dot), namespace: pod.slice(dot + 1), dnsDomain };
}

function explicitMetadata(explicit: Partial<ExplicitCapture>): Record<string, unknown> {
  const metadata: Record<string, unknown> = { CAPTURE: 'explicit' };
  if (explicit.addressBlock !== undefined) metadata.ADDRESS_BLOCK = explicit.addressBlock;
  if (explicit.appPorts !== undefined) {
    metadata.APP_PORTS = JSON.stringify(Object.fromEntries(Object.entries(explicit.appPorts).map(([port, app]) => [port, String(app)])));
  }
  if (explicit.httpProxyPort !== undefined && explicit.httpProxyPort !== 0) metadata.HTTP_PROXY_PORT = String(explicit.httpProxyPort);
  return metadata;
}

function localityText(locality: unknown): string {
  if (typeof locality === 'string') return locality;
  if (!isObject(locality)) return '';
  return joinLocality(textOf(locality.region) ?? '', textOf(locality.zone) ?? '', textOf(locality.subZone ?? locality.sub_zone) ?? '');
}
