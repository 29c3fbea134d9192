import { Duration } from 'cdk8s';
import type { MeshRequest } from './mesh-request';
import type { Simulator } from './simulator';
import type { ExplainedTarget, Explanation } from '../analysis/explain';
import { MeshError } from '../model/error';
import { guarded } from '../private/arguments';
import { millisOf } from '../private/duration';
import type { IRouteDestination } from '../route';

/** A share of all requests like the one that was sent. */
export interface TargetShare {
  /** `reviews/v1`, `ratings.prod`, an outside host, or `answer 500` where the proxy answers by itself. */
  readonly target: string;
  /** Exact share, 0 to 100. */
  readonly percent: number;
  /** Status of the proxy's own answer to this share; undefined where the target answers. */
  readonly status?: number;
  /** Why this share does not reach the target; undefined where it does. */
  readonly because?: string;
}

/** What happens to a request. The `expect…` verbs return the result itself, and throw MESH_EXPECTATION with the whole trace where it is otherwise. */
export class MeshResult {
  /** @internal */
  public static _of(request: MeshRequest, from: string, explanation: Explanation, simulator: Simulator): MeshResult {
    return new MeshResult(request, from, explanation, simulator);
  }

  /** `routed`, `redirected`, `answered`, `denied` or `failed`. */
  public readonly outcome: string;
  /** Status where the mesh answers every such request by itself; undefined where a target answers, or nobody. */
  public readonly status?: number;
  /** Envoy's response flag of that answer (`NR`, `NC`, `UH`, `FI` …); '' for none. */
  public readonly flag: string;
  /** Envoy's details of that answer, for a denial with the policy: `rbac_access_denied_matched_policy[…]`; '' where there are none. */
  public readonly details: string;
  /** Where a redirect leads; undefined where there is none. */
  public readonly location?: string;
  /** Longest time until the answer; undefined for no limit. */
  public readonly timeout?: Duration;
  /** How often a failed request is sent again. */
  public readonly retries: number;
  /** Injected delay; undefined for none. */
  public readonly delay?: Duration;
  /** Share of requests that are delayed. */
  public readonly delayPercent: number;
  /** Name of the rule that decided; '' where none took the request. */
  public readonly rule: string;
  /** Path as the target gets it; undefined where no target does. */
  public readonly path?: string;
  /** Host as the target gets it; undefined where no target does. */
  public readonly host?: string;
  private readonly from: string;
  private readonly request: MeshRequest;
  private readonly explanation: Explanation;
  private readonly simulator: Simulator;

  private constructor(request: MeshRequest, from: string, explanation: Explanation, simulator: Simulator) {
    this.request = request;
    this.from = from;
    this.explanation = explanation;
    this.simulator = simulator;
    this.outcome = explanation.outcome;
    this.status = explanation.status;
    this.flag = explanation.flag;
    this.details = explanation.details ?? '';
    this.location = explanation.location;
    this.timeout = explanation.timeoutSeconds === 0 ? undefined : milliseconds(explanation.timeoutSeconds);
    this.retries = explanation.retries?.attempts ?? 0;
    const { delaySeconds = 0, delayPercent = 0 } = explanation.fault ?? {};
    this.delay = delayPercent === 0 ? undefined : milliseconds(delaySeconds);
    this.delayPercent = delayPercent;
    this.rule = explanation.rule?.name ?? '';
    this.path = explanation.request?.path;
    this.host = explanation.request?.authority;
  }

  /** Every destination with its exact share, the largest first; together 100, unless the connection itself is refused. */
  public distribution(): TargetShare[] {
    const { targets, fault, status, outcome } = this.explanation;
    const shares = new Map<string, TargetShare>();
    const add = (share: TargetShare) => {
      const known = shares.get(share.target);
      shares.set(share.target, known === undefined ? share : { ...known, percent: known.percent + share.percent });
    };
    for (const target of targets) {
      const { percent, status: own, because } = target;
      add({ target: this.nameOf(target), percent, ...(own !== undefined && { status: own }), ...(because !== undefined && { because }) });
    }
    if (targets.length > 0 && fault?.abortStatus !== undefined) {
      add({ target: `answer ${fault.abortStatus}`, percent: fault.abortPercent, status: fault.abortStatus });
    }
    if (targets.length === 0 && status !== undefined) add({ target: `${NOUNS[outcome] ?? 'answer'} ${status}`, percent: 100, status });
    return [...shares.values()].sort((a, b) => b.percent - a.percent || (a.target < b.target ? -1 : 1));
  }

  /** What was tried, at each proxy: every listener, filter chain, virtual host and rule, and why it lost. */
  public trace(): string { return this.simulator.text(this.explanation); }

  /** The whole explanation, in the shape of `cdk8s-mesh explain -o json`. */
  public toJson(): any { return this.explanation; }

  /** Every request reaches this service or version, which answers itself. */
  public expectTarget(target: IRouteDestination): MeshResult {
    return this.expectShare(target, 100);
  }

  /** This share of requests, 0 to 100, reaches this service or version, which answers itself. A service stands for all its versions. */
  public expectShare(target: IRouteDestination, percent: number): MeshResult {
    const wanted = this.simulator.fullHost(target.hostFrom(undefined), undefined);
    const reached = this.explanation.targets.filter(({ host, subset, because }) =>
      because === undefined && host === wanted && (target.subset === undefined || target.subset === subset));
    const got = reached.reduce((sum, share) => sum + share.percent, 0);
    const name = target.subset === undefined ? wanted : `${wanted} ${target.subset}`;
    return this.require(Math.abs(got - percent) < 1e-9, `${percent} % must reach ${name}, got ${this.distributionText()}`);
  }

  /** The mesh answers every request with this status, by itself. */
  public expectStatus(status: number): MeshResult {
    return this.require(this.status === status, `the mesh must answer ${status}, got ${this.status === undefined ? this.distributionText() : this.status}`);
  }

  /** No such request may pass: an AuthorizationPolicy, a token that is missing or wrong, or an external authorizer stands against it. */
  public expectDenied(): MeshResult {
    return this.require(this.outcome === 'denied', `the request must be denied, got ${this.outcome === 'routed' ? this.distributionText() : this.outcome}`);
  }

  /** Every request is redirected to this URL. */
  public expectRedirect(location: string): MeshResult {
    return this.require(this.location === location, `requests must be redirected to ${location}, got ${this.location ?? this.distributionText()}`);
  }

  /** The rule of this name decides. */
  public expectRule(name: string): MeshResult {
    return this.require(this.rule === name, `rule "${name}" must decide, got ${this.rule === '' ? 'none' : `"${this.rule}"`}`);
  }

  /** The answer may take at most this long. */
  public expectTimeout(timeout: Duration): MeshResult {
    return this.require(sameDuration(this.timeout, timeout), `the timeout must be ${timeText(timeout)}, got ${timeText(this.timeout)}`);
  }

  /** A failed request is sent again so many times. */
  public expectRetries(attempts: number): MeshResult {
    return this.require(this.retries === attempts, `there must be ${attempts} retries, got ${this.retries}`);
  }

  /** Requests are delayed so long; `percent` of them, all by default. */
  public expectDelay(delay: Duration, percent: number = 100): MeshResult {
    const right = sameDuration(this.delay, delay) && this.delayPercent === percent;
    return this.require(right, `${percent} % must be delayed by ${timeText(delay)}, got ${this.delayPercent} % by ${timeText(this.delay)}`);
  }

  /** A copy of this share of requests, 0 to 100, is sent to this service or version. */
  public expectMirror(target: IRouteDestination, percent: number = 100): MeshResult {
    const wanted = this.simulator.fullHost(target.hostFrom(undefined), undefined);
    const { mirrors } = this.explanation;
    const right = mirrors.some(mirror => mirror.host === wanted && mirror.subset === (target.subset ?? '') && mirror.percent === percent);
    const got = mirrors.map(mirror => `${mirror.percent} % to ${this.nameOf(mirror)}`).join(', ');
    return this.require(right, `${percent} % must be mirrored to ${wanted}${target.subset === undefined ? '' : ` ${target.subset}`}, got ${got === '' ? 'no mirror' : got}`);
  }

  private require(right: boolean, rule: string): MeshResult {
    if (right) return this;
    throw new MeshError('MESH_EXPECTATION', `${rule}; see why below\n\n${this.trace()}\n`, `${this.request.method} ${this.request.url} from ${this.from}`);
  }

  private nameOf({ host, subset }: Pick<ExplainedTarget, 'host' | 'subset'>): string {
    const namespace = this.explanation.proxy.slice(this.explanation.proxy.lastIndexOf('.') + 1);
    const caller = this.from === 'outside' || this.from.startsWith('gateway:') ? 'default' : namespace;
    const short = this.simulator.shortHost(host, caller);
    return subset === '' ? short : `${short}/${subset}`;
  }

  private distributionText(): string {
    const shares = this.distribution().map(({ target, percent, status }) => `${percent} % ${target}${status === undefined || target.endsWith(` ${status}`) ? '' : ` (${status})`}`);
    return shares.length === 0 ? `no answer (${this.outcome})` : shares.join(', ');
  }
}

guarded('MeshResult', MeshResult);

const NOUNS: { readonly [outcome: string]: string } = { failed: 'failure', denied: 'denial' };

function milliseconds(seconds: number): Duration { return Duration.millis(Math.round(seconds * 1000)); }

function sameDuration(a: Duration | undefined, b: Duration): boolean {
  return a !== undefined && millisOf(a) === millisOf(b);
}

function timeText(duration: Duration | undefined): string {
  return duration === undefined ? 'none' : `${millisOf(duration) / 1000} s`;
}
