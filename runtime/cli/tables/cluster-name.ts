import type { Json } from '../../../src/model/json';
import { objectOf, textOf } from '../../../src/model/json';
import { compare } from '../../../src/model/resource';

/** Parts of `outbound|9080|v1|reviews.default.svc.cluster.local`; a name of another form is a host alone. */
export interface ClusterName {
  readonly direction: string;
  readonly port: number;
  readonly subset: string;
  readonly host: string;
  /** Whether the name has the four parts. */
  readonly structured: boolean;
}

export function clusterName(name: string): ClusterName {
  const [direction, port, subset, host] = name.split('|');
  if (host === undefined) return { direction: '', port: 0, subset: '', host: name, structured: false };
  return { direction, port: Number(port), subset, host, structured: true };
}

/** Order of istioctl: host, subset, port, direction. */
export function byClusterName(left: string, right: string): number {
  const [a, b] = [clusterName(left), clusterName(right)];
  return compare(a.host, b.host) || compare(a.subset, b.subset) || a.port - b.port || compare(a.direction, b.direction);
}

/** `name.namespace` of the rule that a message came from, as its Istio metadata says; '' if it says nothing. */
export function managedBy(message: Json): string {
  const config = textOf(objectOf(objectOf(objectOf(message.metadata).filterMetadata).istio).config);
  if (config === undefined) return '';
  const parts = config.split('/');
  return parts.length === 8 && parts[2] === 'networking.istio.io' ? `${parts[7]}.${parts[5]}` : '<unknown>';
}
