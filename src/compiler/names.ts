import type { Resource } from '../model/resource';

/** Names that dashboards and EnvoyFilters depend on (istio-behaviour §0). */

export const BLACK_HOLE = 'BlackHoleCluster';
export const PASSTHROUGH = 'PassthroughCluster';
export const INBOUND_PASSTHROUGH = 'InboundPassthroughCluster';

export const outboundCluster = (port: number, subset: string, host: string): string => `outbound|${port}|${subset}|${host}`;
export const inboundCluster = (targetPort: number): string => `inbound|${targetPort}||`;
/** An outbound cluster, or one by which a gateway forwards mutual TLS that it does not end. */
export type ClusterKind = 'outbound' | 'sni-dnat';

export const clusterName = (kind: ClusterKind, port: number, subset: string, host: string): string => (
  kind === 'outbound' ? outboundCluster(port, subset, host) : sniName(port, subset, host));

/** Name of an SNI-DNAT cluster, and the SNI of Istio's mutual TLS. */
export const sniName = (port: number, subset: string, host: string): string => `outbound_.${port}_.${subset}_.${host}`;

/** `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`: which rule a message came from. */
export function configPath(resource: Resource): string {
  const kind = resource.kind.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  const group = resource.apiVersion.split('/')[0];
  return `/apis/${group}/v1/namespaces/${resource.metadata.namespace}/${kind}/${resource.metadata.name}`;
}
