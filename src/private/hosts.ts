import type { IConstruct } from 'constructs';
import { meshError } from './errors';

const LABEL = '[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?';
const NAME = new RegExp(`^(\\*\\.)?${LABEL}(\\.${LABEL})*$`);
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Hosts as a VirtualService takes them: DNS names, `*.` before one, or `*`; at least one, none twice. */
export function requireHosts(scope: IConstruct | undefined, hosts: readonly string[]): string[] {
  if (hosts.length === 0) throw meshError(scope, 'MESH_HOST_MISSING', 'hosts must name at least one host, got []; name one');
  for (const host of hosts) {
    if (host !== '*' && (!NAME.test(host) || IPV4.test(host) || host.length > 255)) {
      throw meshError(scope, 'MESH_HOST_INVALID', `a host must be a DNS name, "*." and a DNS name, or "*", got "${host}"; write one of those`);
    }
  }
  const twice = hosts.find((host, index) => hosts.indexOf(host) < index);
  if (twice !== undefined) throw meshError(scope, 'MESH_HOST_DUPLICATE', `hosts must differ, got "${twice}" twice; leave one of the two away`);
  return [...hosts];
}

/** Hosts of one VirtualService, where Istio refuses one that another covers. */
export function requireDisjointHosts(scope: IConstruct | undefined, hosts: readonly string[]): string[] {
  requireHosts(scope, hosts);
  const covered = hosts.find((host) => hosts.some((other) => other !== host && hostsMatch(other, host)));
  if (covered !== undefined) {
    const cover = hosts.find((other) => other !== covered && hostsMatch(other, covered));
    throw meshError(scope, 'MESH_HOST_DUPLICATE', `hosts must not cover each other, got "${covered}" and "${cover}"; leave the narrower one away`);
  }
  return [...hosts];
}

/** Hosts without those that another one covers. */
export function widestHosts(hosts: readonly string[]): string[] {
  const distinct = [...new Set(hosts)];
  return distinct.filter((host) => !distinct.some((other) => other !== host && other.startsWith('*') && hostsMatch(other, host) && other.length <= host.length));
}

/** Hosts of a gateway, where Istio refuses names without a dot. */
export function requireGatewayHosts(scope: IConstruct | undefined, hosts: readonly string[]): string[] {
  requireHosts(scope, hosts);
  const short = hosts.find((host) => host !== '*' && !host.includes('.'));
  if (short !== undefined) throw meshError(scope, 'MESH_HOST_INVALID', `a host of a gateway must have a dot, or be "*", got "${short}"; write the whole name`);
  return [...hosts];
}

/** Whether two hosts, each possibly with a wildcard, can mean the same request. */
export function hostsMatch(a: string, b: string): boolean {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  if (left === right) return true;
  if (left.startsWith('*') && right.startsWith('*')) return left.endsWith(right.slice(1)) || right.endsWith(left.slice(1));
  if (left.startsWith('*')) return right.length >= left.length && right.endsWith(left.slice(1));
  return right.startsWith('*') && left.length >= right.length && left.endsWith(right.slice(1));
}

/** Hosts that a gateway serves, where a namespace and a slash may come first. */
export function requireServedHosts(scope: IConstruct | undefined, hosts: readonly string[]): string[] {
  requireGatewayHosts(scope, hosts.map(nameOf));
  const namespaces = hosts.map(namespaceOf).filter((namespace) => namespace !== undefined);
  const bad = namespaces.find((namespace) => !new RegExp(`^(\\*|\\.|${LABEL})$`).test(namespace));
  if (bad !== undefined) throw meshError(scope, 'MESH_HOST_INVALID', `the namespace of a host must be a name, "." or "*", got "${bad}"; write one of those`);
  return [...hosts];
}

/** The host in `namespace/host`. */
export function nameOf(host: string): string {
  return host.slice(host.indexOf('/') + 1);
}

/** The namespace in `namespace/host`; undefined for a host alone. */
export function namespaceOf(host: string): string | undefined {
  return host.includes('/') ? host.slice(0, host.indexOf('/')) : undefined;
}
