import type { Explanation, RequestSpec } from '../../../src/analysis/explain';
import type { RequestLine } from '../up/access-format';

/** What one proxy did with requests that are alike, against what the configuration says. */
export interface Row {
  /** `istio-ingressgateway.istio-system  GET /productpage  jason`. */
  readonly route: string;
  readonly target: string;
  readonly expectedPercent: number;
  readonly observed: number;
  readonly total: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Sorted. */
  readonly milliseconds: readonly number[];
  /** Whether the observed share is one that the expected share can give. */
  readonly good: boolean;
}

/** A share that chance gives so rarely means another share: five standard deviations. */
const SIGMAS = 5;

export function withinBounds(observed: number, total: number, percent: number): boolean {
  const share = percent / 100;
  return Math.abs(observed - total * share) <= SIGMAS * Math.sqrt(total * share * (1 - share)) + 1e-9;
}

/** Groups the requests that proxies report by who sent them where, and compares shares. */
export function rowsOf(requests: readonly RequestLine[], explain: (spec: RequestSpec) => Explanation): Row[] {
  const groups = new Map<string, RequestLine[]>();
  for (const request of requests) {
    const key = [request.proxy, request.method, pathOf(request.path), request.user, request.authority].join('\u0000');
    const group = groups.get(key);
    if (group) group.push(request);
    else groups.set(key, [request]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => rowsOfGroup(group, explain));
}

function rowsOfGroup(group: readonly RequestLine[], explain: (spec: RequestSpec) => Explanation): Row[] {
  const [first] = group;
  const explanation = explain({
    from: first.proxy, method: first.method, url: `http://${first.authority}${first.path}`, headers: first.user === '' ? {} : { 'end-user': first.user },
  });
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
  const route = [`${first.proxy}  ${first.method} ${first.authority}${pathOf(first.path)}`, first.user].filter(part => part !== '').join('  ');
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
