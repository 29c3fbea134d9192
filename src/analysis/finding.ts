import type { MeshError } from '../model/error';
import { compare, resourceName } from '../model/resource';
import type { Resource } from '../model/resource';

export type Severity = 'error' | 'warning' | 'info';

/** Names and indexes from the top of a document: `['spec', 'http', 0]`. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with the input, and what to do about it. A format outsiders rely on. */
export interface Finding {
  /** From the registry in `src/model/codes.ts`. */
  readonly code: string;
  /** Istio's code for the same matter, `IST0101`. */
  readonly istioCode?: string;
  readonly severity: Severity;
  /** `VirtualService/default/reviews`; absent where a file could not be read into resources. */
  readonly resource?: string;
  readonly file?: string;
  readonly line?: number;
  /** Construct path. */
  readonly path?: string;
  /** Where in the resource: `spec.http[0].route[1].weight`. */
  readonly field?: string;
  /** The rule that is broken and the value received. */
  readonly message: string;
  readonly repair?: string;
}

/** `spec.http[0].timeout`. Keys that are no plain names are quoted. */
export function fieldOf(path: Path): string {
  return path.map((part, index) => {
    if (typeof part === 'number') return `[${part}]`;
    if (!/^[A-Za-z_][\w-]*$/.test(part)) return `[${JSON.stringify(part)}]`;
    return index === 0 ? part : `.${part}`;
  }).join('');
}

/** What a rule says; the rest of a finding follows from the resource and the path. */
export interface Fault {
  readonly code: string;
  readonly istioCode?: string;
  /** @default error */
  readonly severity?: Severity;
  readonly message: string;
  readonly repair?: string;
}

/** A finding at a place in a resource. */
export function findingAt(resource: Resource, path: Path, fault: Fault): Finding {
  const { origin } = resource;
  return withoutUndefined({
    code: fault.code,
    istioCode: fault.istioCode,
    severity: fault.severity ?? 'error',
    resource: resourceName(resource),
    file: origin.file,
    line: origin.lineOf?.(path) ?? origin.line,
    path: origin.path,
    field: path.length > 0 ? fieldOf(path) : undefined,
    message: fault.message,
    repair: fault.repair,
  });
}

/** A finding for an error that reading or building raised. */
export function findingOf(error: MeshError): Finding {
  const place = /^(.*?)(?::(\d+))?(?::\d+)?$/.exec(error.where ?? '');
  // The rule is written `rule, got value; repair`.
  const cut = error.rule.lastIndexOf('; ');
  return withoutUndefined({
    code: error.code,
    severity: 'error',
    file: place?.[1] === '' ? undefined : place?.[1],
    line: place?.[2] === undefined ? undefined : Number(place[2]),
    message: cut < 0 ? error.rule : error.rule.slice(0, cut),
    repair: cut < 0 ? undefined : error.rule.slice(cut + 2),
  });
}

/** Where a person should look: construct path, else `file:line`, else the resource. */
export function placeOf(finding: Finding): string {
  if (finding.path !== undefined) return finding.path;
  if (finding.file === undefined) return finding.resource ?? 'input';
  return finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
}

/** `[where] CODE: message; repair`, the form of every error here. */
export function textOf(finding: Finding): string {
  const subject = finding.resource === undefined || placeOf(finding) === finding.resource ? '' : `${finding.resource}: `;
  const istio = finding.istioCode === undefined ? '' : ` (${finding.istioCode})`;
  return `[${placeOf(finding)}] ${finding.code}${istio}: ${subject}${finding.message}${finding.repair === undefined ? '' : `; ${finding.repair}`}`;
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Worst first, then by place, so that output never depends on the order of input. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const key = (finding: Finding) => [finding.file ?? '', String(finding.line ?? 0).padStart(8, '0'), finding.resource ?? '', finding.field ?? '',
    finding.code, finding.message].join('\u0000');
  const sorted = [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity] || compare(key(a), key(b)));
  return sorted.filter((finding, index) => index === 0 || JSON.stringify(finding) !== JSON.stringify(sorted[index - 1]));
}

function withoutUndefined(finding: Finding): Finding {
  return Object.fromEntries(Object.entries(finding).filter(([, value]) => value !== undefined)) as unknown as Finding;
}
