import type { PlannedRequest } from './plan';
import type { Explanation, RequestSpec } from '../../../src/analysis/explain';
import type { RequestLine } from '../up/access-format';

/** What one proxy did with requests that are alike, against what the configuration says. */
export interface Row {
  /** `istio-ingressgateway.istio-system  GET /productpage  end-user: jason`. */
  readonly route: string;
  readonly target: string;
  readonly expectedPercent: number;
  readonly observed: number;
  readonly total: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Sorted. */
  readonly milliseconds: readonly number[];
  /** The rule that decided, where it is written; '' for what Istio makes by itself. */
  readonly rule: string;
  /** Whether the observed share is one that the expected share can give. */
  readonly good: boolean;
}

type Explain = (spec: RequestSpec) => Explanation;

/** A share that chance gives so rarely means another share: five standard deviations. */
const SIGMAS = 5;

export function withinBounds(observed: number, total: number, percent: number): boolean {
  const share = percent / 100;
  return Math.abs(observed - total * share) <= SIGMAS * Math.sqrt(total * share * (1 - share)) + 1e-9;
}

/** Groups the requests that proxies report by who sent them where, and compares shares. `planned` finds what was sent by its mark. */
export function rowsOf(requests: readonly RequestLine[], planned: (mark: string) => PlannedRequest | undefined, explain: Explain): Row[] {
  const groups = new Map<string, { first: RequestLine; plan: PlannedRequest | undefined; lines: RequestLine[] }>();
  for (const request of requests) {
    const plan = planned(request.check);
    // What was sent counts by itself; what applications did about it, with all that looks alike.
    const own = plan !== undefined && plan.proxy === request.proxy;
    const key = [request.proxy, request.method, pathOf(request.path), marksOf(request, plan), request.authority, own ? request.check : ''].join('\u0000');
    const group = groups.get(key);
    if (group) group.lines.push(request);
    else groups.set(key, { first: request, plan, lines: [request] });
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { first, plan, lines }]) => rowsOfGroup(first, plan, lines, explain));
}

/** Headers that a request carries as far as is known: those it was sent with, which stand-ins pass on, or the user of the log. */
function headersOf({ user }: RequestLine, plan: PlannedRequest | undefined): Readonly<Record<string, string>> {
  return plan?.headers ?? (user === '' ? {} : { 'end-user': user });
}

function marksOf(request: RequestLine, plan: PlannedRequest | undefined): string {
  return marksText(headersOf(request, plan));
}

/** `end-user: jason`. */
export const marksText = (headers: Readonly<Record<string, string>>) => Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join(', ');

function rowsOfGroup(first: RequestLine, plan: PlannedRequest | undefined, group: readonly RequestLine[], explain: Explain): Row[] {
  const own = plan !== undefined && plan.proxy === first.proxy;
  const explanation = explain(own ? plan.spec : { from: first.proxy, method: first.method, url: `http://${first.authority}${first.path}`, headers: headersOf(first, plan) });
  const expected = new Map<string, number>();
  const add = (target: string, percent: number) => { if (percent > 0) expected.set(target, (expected.get(target) ?? 0) + percent); };
  for (const target of explanation.targets) add(targetName(target.host, target.subset), target.percent);
  if (explanation.fault?.abortStatus !== undefined) add(`abort ${explanation.fault.abortStatus}`, explanation.fault.abortPercent);
  if (explanation.targets.length === 0 && expected.size === 0) add(`answer ${explanation.status ?? 0}`, 100);
  const observed = new Map<string, RequestLine[]>();
  for (const request of group) {
    const { host, subset } = clusterOf(request.cluster);
    const target = /\bFI\b/.test(request.flags) ? `abort ${request.status}` : host === '' ? `answer ${request.status}` : targetName(host, subset);
    observed.set(target, [...observed.get(target) ?? [], request]);
  }
  const route = [`${first.proxy}  ${first.method} ${first.authority}${pathOf(first.path)}`, marksOf(first, plan)].filter(part => part !== '').join('  ');
  return [...new Set([...expected.keys(), ...observed.keys()])].sort().map((target) => {
    const lines = observed.get(target) ?? [];
    const expectedPercent = expected.get(target) ?? 0;
    const statuses = new Map<number, number>();
    for (const { status } of lines) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return {
      route,
      target,
      expectedPercent,
      observed: lines.length,
      total: group.length,
      statuses,
      milliseconds: lines.map(line => line.milliseconds).sort((a, b) => a - b),
      rule: explanation.rule?.written ?? '',
      good: withinBounds(lines.length, group.length, expectedPercent),
    };
  });
}

/** `reviews v2`: the host as people call it. */
function targetName(host: string, subset: string): string {
  const name = host.endsWith('.svc.cluster.local') ? host.split('.')[0] : host;
  return subset === '' ? name : `${name} ${subset}`;
}

function clusterOf(cluster: string): { host: string; subset: string } {
  const [, , subset = '', host = ''] = cluster.split('|');
  return { host, subset };
}

const pathOf = (path: string) => path.split('?')[0];

/** Value at a share of a sorted list. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
