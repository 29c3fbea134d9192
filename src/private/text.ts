import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { regexFault } from './re2';
import { CONDITION_KEYS, isConditionKey } from '../model/condition-keys';

/** A path as requests have it. */
export function requirePath(path: string): string {
  if (!path.startsWith('/')) throw meshError(undefined, 'MESH_PATH_INVALID', `a path must begin with "/", got "${path}"; put "/" in front`);
  return path;
}

/** A regular expression that Envoy takes. */
export function requireRegex(regex: string): string {
  const fault = regexFault(regex);
  if (fault !== undefined) throw meshError(undefined, 'MESH_REGEX_INVALID', `a regular expression must be RE2 syntax, got "${regex}": ${fault}; write it as RE2 has it`);
  return regex;
}

/** The name of a header, in lower case, as case has no meaning in it. */
export function requireHeaderName(name: string, pseudo: boolean = true): string {
  const lower = name.toLowerCase();
  if (!/^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) || (!pseudo && lower.startsWith(':'))) {
    throw meshError(undefined, 'MESH_HEADER_INVALID', `the name of a header may have letters, digits and !#$%&'*+-.^_\`|~, got "${name}"; rename it`);
  }
  return lower;
}

/** The name of a header, or what such names begin or end with, before or after one `*`. */
export function requireHeaderPattern(pattern: string): string {
  const name = pattern.startsWith('*') ? pattern.slice(1) : pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  if (!/^[!#$%&'+.^_`|~0-9a-z-]+$/i.test(name)) {
    throw meshError(undefined, 'MESH_HEADER_INVALID', `the name of a header may have letters, digits and !#$%&'+-.^_\`|~, and one * at its beginning or end, got "${pattern}"; rename it`);
  }
  return pattern;
}

/** What a condition of an AuthorizationPolicy may be about. */
export function requireConditionKey(key: string): string {
  if (!isConditionKey(key)) {
    throw meshError(undefined, 'MESH_ACCESS_KEY', `a condition must be about ${CONDITION_KEYS.join(', ')}, request.headers[NAME] or request.auth.claims[NAME], got "${key}"; choose one of those`);
  }
  return key;
}

/** The characters of a text as a regular expression that matches just them. */
export function regexOf(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/** Labels as Kubernetes takes them; at least one. */
export function requireLabels(scope: IConstruct | undefined, what: string, labels: { [name: string]: string }): { [name: string]: string } {
  const name = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
  const bad = Object.entries(labels).find(([key, value]) => !new RegExp(`^([a-z0-9][-a-z0-9.]{0,252}/)?${name}$`).test(key) || !new RegExp(`^(${name})?$`).test(value));
  if (bad !== undefined) throw meshError(scope, 'MESH_LABEL_INVALID', `${what} must be labels that Kubernetes takes, got ${bad[0]}=${bad[1]}; use letters, digits, "-", "_" and ".", at most 63, with a letter or digit at each end`);
  if (Object.keys(labels).length === 0) throw meshError(scope, 'MESH_LABEL_INVALID', `${what} must have at least one label, got {}; leave it away for all`);
  return { ...labels };
}
