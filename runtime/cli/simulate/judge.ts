import type { Scenario } from './scenario';
import type { ExplainedTarget, Explanation } from '../../../src/analysis/explain';
import type { Model } from '../../../src/model/model';
import { resolveHost } from '../../../src/model/names';

/** What became of one scenario. */
export interface Judged {
  readonly scenario: Scenario;
  readonly explanation: Explanation;
  /** `target must be reviews/v2, got 100 % reviews/v1`; none where all that is expected holds. */
  readonly failures: readonly string[];
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
