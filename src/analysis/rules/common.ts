import type { Headers, StringMatch } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import type { Reporter } from './context';
import { badLabel, headerValueFault, isLabel, regexFault } from './predicates';

/** Checks that several kinds share (istio-validation §1.0). */

export const quote = (value: unknown): string => JSON.stringify(value) ?? String(value);

/** exportTo: `.`, `*` alone, or namespaces, each once. */
export function exportToRules(at: Reporter, exportTo: readonly string[] | undefined, namespace: string,
  options: { readonly none?: boolean; readonly onlyOwn?: boolean } = {}): void {
  const seen = new Set<string>();
  exportTo?.forEach((value, index) => {
    const path = ['spec', 'exportTo', index];
    const fault = (message: string, repair: string) => at.invalid(path, 'MESH_EXPORT_INVALID', message, repair);
    const meant = value === '.' ? namespace : value;
    if (value === '~' && options.none !== true) fault('only a ServiceEntry is exported to nobody, got "~"', 'write . for the own namespace');
    else if (!['.', '*', '~'].includes(value) && !isLabel(value)) fault(`exportTo has namespaces, "." or "*", got ${quote(value)}`, 'correct the name');
    else if (['*', '~'].includes(value) && exportTo.length > 1) fault(`"${value}" stands alone in exportTo, got ${exportTo.length} values`, 'remove the others');
    else if (seen.has(meant)) fault(`each namespace stands once in exportTo, got ${value} again`, 'remove it');
    else if (options.onlyOwn === true && meant !== namespace) fault(`with a workloadSelector the rule is exported to its own namespace only, got ${quote(value)}`, 'write exportTo: ["."]');
    seen.add(meant);
  });
}

/** Labels of a selector; a selector with `*` or an empty key selects nothing anybody meant. */
export function selectorRules(at: Reporter, labels: Readonly<Record<string, string>> | undefined, path: Path): void {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0) {
    at.doubtful(path, 'MESH_SELECTOR_EMPTY', `${fieldOf(path)} has no labels and takes every workload in reach, got {}`, 'name labels, or leave the selector out to say so');
  }
  for (const [key, value] of entries) {
    if (key === '' || key.includes('*') || value.includes('*')) {
      return at.invalid([...path, key], 'MESH_SELECTOR_INVALID', `a selector compares whole labels, got ${quote(key)}: ${quote(value)}`, 'write the label in full');
    }
  }
}

export interface TargetRef { readonly group?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string }

interface Targeted {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
}

const TARGETS: ReadonlySet<string> = new Set(['/Service', 'core/Service', 'networking.istio.io/ServiceEntry', 'gateway.networking.k8s.io/Gateway', 'gateway.networking.k8s.io/GatewayClass']);

/** What a policy is for: a selector, or resources by name. */
export function policyTargetRules(at: Reporter, spec: Targeted): void {
  if (spec.selector !== undefined) selectorRules(at, spec.selector.matchLabels, ['spec', 'selector']);
  targetRefRules(at, spec, spec.selector === undefined ? [] : ['selector']);
}

/** A policy says in one way what it is for. */
export function exclusiveTargets(at: Reporter, spec: Pick<Targeted, 'targetRef' | 'targetRefs'>, selectors: readonly string[]): void {
  const given = [...selectors, ...(spec.targetRef === undefined ? [] : ['targetRef']), ...((spec.targetRefs?.length ?? 0) === 0 ? [] : ['targetRefs'])];
  if (given.length > 1) at.invalid(['spec', given[1]], 'MESH_FIELD_EXCLUSIVE', `a policy has one of selector, targetRef, targetRefs, got ${given.join(' and ')}`, 'keep one of them');
}

export function targetRefRules(at: Reporter, spec: Pick<Targeted, 'targetRef' | 'targetRefs'>, selectors: readonly string[]): void {
  exclusiveTargets(at, spec, selectors);
  const refs: [TargetRef, Path][] = (spec.targetRefs ?? []).map((ref, index) => [ref, ['spec', 'targetRefs', index]]);
  if (spec.targetRef !== undefined) refs.push([spec.targetRef, ['spec', 'targetRef']]);
  for (const [ref, path] of refs) {
    const fault = (message: string, repair: string) => at.invalid(path, 'MESH_TARGET_REF_INVALID', message, repair);
    if ((ref.name ?? '') === '') fault('a targetRef names its target, got no name', 'add name');
    if ((ref.namespace ?? '') !== '') fault(`a targetRef stays in the policy's namespace, got namespace ${quote(ref.namespace)}`, 'remove namespace');
    if (!TARGETS.has(`${ref.group ?? ''}/${ref.kind ?? ''}`)) {
      fault(`a targetRef is a Service, ServiceEntry, Gateway or GatewayClass, got ${quote(`${ref.group ?? ''}/${ref.kind ?? ''}`)}`, 'correct group and kind');
    }
  }
}

export function labelRules(at: Reporter, labels: Readonly<Record<string, string>> | undefined, path: Path): void {
  const label = badLabel(labels ?? {});
  if (label !== undefined) at.invalid(path, 'MESH_LABEL_INVALID', `${fieldOf(path)} are labels of Kubernetes, got the ${label}`, 'correct it');
}

/** A regular expression of RE2, or a prefix that is not empty. */
export function stringMatchRules(at: Reporter, match: StringMatch | null | undefined, path: Path, emptyPrefix = false): void {
  if (match?.regex !== undefined) regexRules(at, match.regex, [...path, 'regex']);
  if (match?.prefix === '' && !emptyPrefix) at.invalid([...path, 'prefix'], 'MESH_MATCH_INVALID', `${fieldOf(path)}.prefix is not empty, got ""`, 'leave the condition out to match anything');
}

export function regexRules(at: Reporter, text: string, path: Path): void {
  const reason = regexFault(text);
  if (reason !== undefined) at.invalid(path, 'MESH_REGEX_INVALID', `${fieldOf(path)} is a regular expression of RE2, got ${quote(text)}: ${reason}`, 'correct the expression');
}

/** Names and values of headers that a rule or destination sets, adds or removes. */
export function headerOperationRules(at: Reporter, headers: Headers | undefined, path: Path): void {
  for (const side of ['request', 'response'] as const) {
    const operations = headers?.[side];
    for (const operation of ['set', 'add'] as const) {
      for (const [name, value] of Object.entries(operations?.[operation] ?? {})) {
        const place = [...path, side, operation, name];
        headerName(at, name, place, side === 'request');
        const reason = headerValueFault(value);
        if (reason !== undefined) at.invalid(place, 'MESH_HEADER_INVALID', `the value of header ${name} is printable text with %VARIABLE% at most, got ${quote(value)}: ${reason}`, 'write %% for a percent sign');
      }
    }
    operations?.remove?.forEach((name, index) => headerName(at, name, [...path, side, 'remove', index], false));
  }
}

function headerName(at: Reporter, name: string, path: Path, host: boolean): void {
  const legal = name !== '' && (name.startsWith(':') ? host && name.toLowerCase() === ':authority' : (host || name.toLowerCase() !== 'host'));
  // Envoy takes any name in one line.
  // eslint-disable-next-line no-control-regex
  if (!legal || /[\u0000\r\n]/.test(name)) {
    at.invalid(path, 'MESH_HEADER_INVALID', `a header that is changed has a name${host ? '' : ' other than host and the pseudo headers'}, got ${quote(name)}`, host ? 'correct the name' : 'correct the name, or set host in the request');
  }
}

/** A count or number within a closed range. */
export function rangeRules(at: Reporter, value: number | undefined, least: number, most: number, path: Path, code: string): void {
  if (value !== undefined && (value < least || value > most)) {
    at.invalid(path, code, `${fieldOf(path)} is ${most === Infinity ? `${least} or more` : `from ${least} to ${most}`}, got ${value}`, 'choose a number in that range');
  }
}
