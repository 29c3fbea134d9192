import type { Scenario } from './scenario';
import type { ExplainedTarget, Explanation } from '../../../src/analysis/explain';
import type { PlayedRequest } from '../../../src/analysis/play';
import type { Model } from '../../../src/model/model';
import { resolveHost } from '../../../src/model/names';

/** What became of one scenario. */
export interface Judged {
  readonly scenario: Scenario;
  readonly explanation: Explanation;
  /** `target must be reviews/v2, got 100 % reviews/v1`; none where all that is expected holds. */
  readonly failures: readonly string[];
  /** What callers got on the clock, where the request was played. */
  readonly played?: readonly PlayedRequest[];
}

/** Holds what callers got against what is expected of the answers. */
export function judgeAnswers(model: Model, scenario: Scenario, played: readonly PlayedRequest[]): string[] {
  const { status, flags, attempts, target, atLeast, within, statuses } = scenario.expect.answer ?? {};
  const names = new Names(model, scenario);
  const failures = new Set<string>();
  const require = (right: boolean, wanted: string, got: string): void => { if (!right) failures.add(`answer ${wanted}, got ${got}`); };
  for (const each of played) {
    if (each.elapsedMs === undefined) {
      failures.add('answer must come at some time, got none that a timeout ends');
      continue;
    }
    const took = each.elapsedMs / 1000;
    const told = [each.status ?? 'a closed connection', ...(each.flags.length > 0 ? [each.flags.join()] : [])].join(' ');
    const ended = each.target !== undefined && each.attempts.at(-1)?.outcome === 'answer';
    if (status !== undefined) require(each.status === status, `status must be ${status}`, told);
    if (flags !== undefined) require(sorted(flags.split(',')) === sorted(each.flags), `flags must be ${flags === '' ? 'none' : flags}`, told);
    if (attempts !== undefined) require(each.attempts.length === attempts, `attempts must be ${attempts}`, String(each.attempts.length));
    if (target !== undefined) require(ended && names.means(target, each.target!), `target must be ${target}`, told);
    if (atLeast !== undefined) require(took >= atLeast, `must take at least ${atLeast} s`, `${took} s`);
    if (within !== undefined) require(took <= within, `must come within ${within} s`, `${took} s`);
  }
  if (statuses !== undefined) {
    const counts = countsOf(played);
    const right = Object.keys({ ...counts, ...statuses }).every(key => (counts[key] ?? 0) === (statuses[key] ?? 0));
    require(right, `statuses must be ${countsText(statuses)}`, countsText(counts));
  }
  return [...failures];
}

const sorted = (flags: readonly string[]): string => flags.map(each => each.trim()).filter(each => each !== '').sort().join();

/** How many answers have each status; `closed` where nobody answers. */
function countsOf(played: readonly PlayedRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status = 'closed' } of played) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const countsText = (counts: Readonly<Record<string, number>>): string => Object.entries(counts).map(([status, count]) => `${count} × ${status}`).join(', ');

/** What callers got, in a few words: `504 UT,URX after 8 s`, `2 × 200, 1 × 503`. */
export function answersText(played: readonly PlayedRequest[]): string {
  const [only] = played;
  if (played.length !== 1 || only === undefined) return countsText(countsOf(played));
  if (only.elapsedMs === undefined) return 'no answer';
  return `${[only.status ?? 'closed', only.flags.join()].filter(part => part !== '').join(' ')} after ${only.elapsedMs / 1000} s`;
}

/** Holds an explanation against what is expected of it. */
export function judge(model: Model, scenario: Scenario, explanation: Explanation): Judged {
  const { expect } = scenario;
  const names = new Names(model, scenario);
  const failures: string[] = [];
  const same = (field: string, wanted: string | number | undefined, got: string | number | undefined): void => {
    if (wanted !== undefined && wanted !== got) failures.push(`${field} must be ${wanted}, got ${got === undefined || got === '' ? 'none' : got}`);
  };
  const got = names.result(explanation);
  same('outcome', expect.outcome, explanation.outcome);
  same('status', expect.status, explanation.status);
  same('flag', expect.flag, explanation.flag);
  same('details', expect.details, explanation.details);
  same('redirect', expect.redirect, explanation.location);
  same('rule', expect.rule, explanation.rule?.name);
  same('timeout', expect.timeout === undefined ? undefined : `${expect.timeout} s`, `${explanation.timeoutSeconds} s`);
  same('retries', expect.retries, explanation.retries?.attempts ?? 0);
  same('path', expect.path, explanation.request?.path);
  same('host', expect.host, explanation.request?.authority);
  for (const [name, value] of Object.entries(expect.headers ?? {})) same(`header ${name}`, value, explanation.request?.headers[name.toLowerCase()]);
  if (expect.target !== undefined && !near(names.share(explanation.targets, expect.target), 100)) failures.push(`target must be ${expect.target}, got ${got}`);
  if (expect.distribution !== undefined) {
    const wanted = Object.entries(expect.distribution);
    const right = wanted.every(([target, percent]) => near(names.share(explanation.targets, target), percent));
    const total = explanation.targets.reduce((sum, { percent, because }) => (because === undefined ? sum + percent : sum), 0);
    const all = near(wanted.reduce((sum, [, percent]) => sum + percent, 0), total);
    if (!right || !all) failures.push(`distribution must be ${wanted.map(([target, percent]) => `${percent} % ${target}`).join(', ')}, got ${got}`);
  }
  for (const [target, percent] of Object.entries(expect.mirror ?? {})) {
    const share = explanation.mirrors.filter(mirror => names.means(target, mirror)).reduce((sum, mirror) => sum + mirror.percent, 0);
    if (!near(share, percent)) failures.push(`mirror must be ${percent} % to ${target}, got ${share} %`);
  }
  return { scenario, explanation, failures };
}

function near(a: number, b: number): boolean { return Math.abs(a - b) < 1e-9; }

/** Targets by the names that people give them. */
export class Names {
  private readonly namespace: string;

  public constructor(private readonly model: Model, { spec }: Scenario) {
    const dot = spec.from.lastIndexOf('.');
    const named = dot < 0 || spec.from.startsWith('gateway:') ? undefined : spec.from.slice(dot + 1);
    this.namespace = spec.namespace ?? named ?? 'default';
  }

  /** Whether `reviews/v2` or `reviews` names a destination; without a subset any will do. */
  public means(name: string, { host, subset }: Pick<ExplainedTarget, 'host' | 'subset'>): boolean {
    const [wantedHost = '', wantedSubset] = name.split('/');
    return resolveHost(wantedHost, this.namespace, this.model.domain) === host && (wantedSubset === undefined || wantedSubset === subset);
  }

  /** Percent of requests that a target answers itself. */
  public share(targets: readonly ExplainedTarget[], name: string): number {
    return targets.filter(target => target.because === undefined && this.means(name, target)).reduce((sum, { percent }) => sum + percent, 0);
  }

  /** What happens, in a few words: `90 % reviews/v1, 10 % reviews/v2`, `denied 403`. */
  public result({ outcome, status, flag, location, targets }: Explanation): string {
    if (outcome === 'routed') return targets.map(target => this.told(target)).join(', ');
    return [outcome, status, flag, location].filter(part => part !== undefined && part !== '').join(' ');
  }

  private told({ host, subset, percent, because, status, flag }: ExplainedTarget): string {
    const suffix = `.svc.${this.model.domain}`;
    const short = host.endsWith(`.${this.namespace}${suffix}`) ? host.slice(0, -`.${this.namespace}${suffix}`.length) : host.endsWith(suffix) ? host.slice(0, -suffix.length) : host;
    const failed = because === undefined ? '' : ` (${[status ?? 'closed', flag].filter(part => part !== undefined && part !== '').join(' ')})`;
    return `${Number(percent.toFixed(4))} % ${short}${subset === '' ? '' : `/${subset}`}${failed}`;
  }
}
