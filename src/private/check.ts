import type { IConstruct } from 'constructs';
import { meshError } from './errors';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SERVICE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A whole number within bounds, both included; anything else throws. */
export function requireInteger(scope: IConstruct | undefined, code: string, what: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw meshError(scope, code, `${what} must be a whole number from ${low} to ${high}, got ${value}; choose one in that range`);
  }
  return value;
}

/** A number of a TCP port. */
export function requirePort(what: string, value: number, scope?: IConstruct): number {
  return requireInteger(scope, 'MESH_PORT_INVALID', what, value, 1, 65535);
}

/**
 * A share of requests as Envoy can draw it: in steps of 0.0001 %, so everything smaller would silently be nothing.
 * Istio's rule is the same (FractionalPercent with denominator MILLION).
 */
export function requirePercent(what: string, value: number): number {
  if (!(value === 0 || (value >= 0.0001 && value <= 100))) {
    throw meshError(undefined, 'MESH_PERCENT_INVALID', `${what} must be 0, or from 0.0001 to 100, got ${value}; choose one in that range`);
  }
  return value;
}

/** The name of an object that becomes a part of DNS names (RFC 1123 label). */
export function requireLabel(scope: IConstruct | undefined, what: string, value: string, repair: string): string {
  if (!DNS_LABEL.test(value)) {
    throw meshError(scope, 'MESH_NAME_INVALID', `${what} must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "${value}"; ${repair}`);
  }
  return value;
}

/** The name of a Kubernetes Service, which unlike other objects must begin with a letter (RFC 1035). */
export function requireServiceName(scope: IConstruct, value: string): string {
  if (!SERVICE_NAME.test(value)) {
    throw meshError(scope, 'MESH_NAME_INVALID', `the name of a Service must be 1 to 63 characters of a-z, 0-9 and "-", beginning with a letter, got "${value}"; choose another construct id or set name`);
  }
  return value;
}

/** `exportTo` of a resource, as Istio takes it: namespaces, `.` for its own, or `*` alone. */
export function requireExportTo(scope: IConstruct, namespaces: readonly string[] | undefined): string[] | undefined {
  if (namespaces === undefined) return undefined;
  const bad = namespaces.length === 0 || new Set(namespaces).size < namespaces.length || (namespaces.includes('*') && namespaces.length > 1)
    || namespaces.some((namespace) => namespace !== '.' && namespace !== '*' && !DNS_LABEL.test(namespace));
  if (bad) {
    throw meshError(scope, 'MESH_EXPORT_INVALID', `exportTo must be distinct namespaces, "." for its own, or "*" alone, got [${namespaces.join(', ')}]; list each once`);
  }
  return [...namespaces];
}
