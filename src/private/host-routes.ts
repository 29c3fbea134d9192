import type { IConstruct } from 'constructs';
import { finding, meshError } from './errors';
import { both, compareMatches, covers, type HttpMatch } from './http-match';
import type { HttpRule } from './http-rule';
import type { networking } from '../../imports';

/** Everything: what a rule without a match stands for. */
const ALL: readonly HttpMatch[] = [{}];

interface RouteRule { readonly owner: IConstruct; readonly id: string; readonly priority: number; readonly http: HttpRule }
/** Rules that follow from a state, which may be another one each time they are rendered. */
interface RuleSource { readonly owner: IConstruct; readonly priority: number; readonly produce: () => HttpRule[] }
interface FaultRule {
  readonly owner: IConstruct;
  readonly id: string;
  readonly match: readonly HttpMatch[];
  readonly fault: networking.VirtualServiceSpecHttpFault;
  readonly pastLimits: boolean;
}

/**
 * The http rules of one host, added from anywhere and put into order here.
 * Istio takes the first rule that matches, so order is meaning: it must follow from the rules, never from the order of the code.
 */
export class HostRoutes {
  private readonly fixed: RouteRule[] = [];
  private readonly sources: RuleSource[] = [];
  private readonly faults: FaultRule[] = [];
  private readonly owners = new Set<IConstruct>();

  /**
   * @param host what messages call it
   * @param fallback the rule that stands where faults are added to a host without rules
   */
  public constructor(private readonly host: string, private readonly fallback?: () => HttpRule) {}

  /** Whether there is nothing to render. */
  public get isEmpty(): boolean { return this.fixed.length === 0 && this.sources.length === 0 && this.faults.length === 0; }

  /** Adds a route; ids are unique per host, since they are the rules' names. */
  public addRoute(owner: IConstruct, id: string, priority: number, http: HttpRule): void {
    if (id === '') throw meshError(owner, 'MESH_NAME_INVALID', 'the id of a route must have at least one character, got ""; give it one');
    const known = this.rules.find((rule) => rule.id === id);
    if (known !== undefined) throw duplicate(owner, this.host, id, known.owner);
    this.fixed.push({ owner, id, priority, http });
    this.watch(owner);
  }

  /** Adds rules that are asked for whenever they are rendered; their names must be free now. */
  public addSource(owner: IConstruct, priority: number, produce: () => HttpRule[]): void {
    for (const { name } of produce()) {
      const known = this.rules.find((rule) => rule.id === name);
      if (known !== undefined) throw duplicate(owner, this.host, name!, known.owner);
    }
    this.sources.push({ owner, priority, produce });
    this.watch(owner);
  }

  /** Adds a fault to every route that its requests take. */
  public addFault(owner: IConstruct, match: readonly HttpMatch[] | undefined, fault: FaultRule['fault'], pastLimits: boolean): void {
    this.faults.push({ owner, id: owner.node.id, match: match ?? ALL, fault, pastLimits });
    this.watch(owner);
  }

  /** The rules in the order in which they are tried. */
  public render(): HttpRule[] {
    return this.withFaults().http;
  }

  /** At validation, when all rules are known, each owner answers for its own. */
  private watch(owner: IConstruct): void {
    if (this.owners.has(owner)) return;
    this.owners.add(owner);
    owner.node.addValidation({
      validate: () => [...this.coveredRules(), ...this.uselessFaults()].filter((found) => found.owner === owner).map((found) => found.text),
    });
  }

  private get rules(): RouteRule[] {
    const produced = this.sources.flatMap(({ owner, priority, produce }) => produce().map((http) => ({ owner, id: http.name!, priority, http })));
    return [...this.fixed, ...produced];
  }

  private sorted(): RouteRule[] {
    return this.rules.sort((a, b) => b.priority - a.priority || compareMatches(widest(a.http), widest(b.http)) || (a.id < b.id ? -1 : 1));
  }

  private coveredRules(): { owner: IConstruct; text: string }[] {
    const sorted = this.sorted();
    return sorted.flatMap((rule, index) => alternatives(rule.http).flatMap((alternative) => {
      const cover = sorted.slice(0, index).find((earlier) => alternatives(earlier.http).some((wide) => covers(wide, alternative)));
      if (cover === undefined) return [];
      const which = rule.http.match === undefined || rule.http.match.length === 1 ? '' : ` for ${JSON.stringify(alternative)}`;
      const because = cover.priority > rule.priority ? ` of priority ${cover.priority}` : '';
      return [{
        owner: rule.owner,
        text: finding('MESH_RULE_UNREACHABLE', `route "${rule.id}" of ${this.host} must get requests${which}, got all of them taken by route "${cover.id}"${because} (${cover.owner.node.path}); narrow that one, or give this one a higher priority`),
      }];
    }));
  }

  private uselessFaults(): { owner: IConstruct; text: string }[] {
    const { unknown, used, blind } = this.withFaults();
    return this.faults.flatMap((fault) => {
      const limit = blind.get(fault);
      if (limit !== undefined && !fault.pastLimits) {
        return [{ owner: fault.owner, text: finding('MESH_FAULT_DISABLES', `a fault must not make limits of a route useless, got ${limit}; set pastLimits if that is meant, or put the fault on a service further on`) }];
      }
      const other = unknown.get(fault);
      if (other !== undefined) {
        return [{ owner: fault.owner, text: finding('MESH_FAULT_MATCH', `the match must be one that can be joined with each route's, got one that cannot with route "${other}" of ${this.host}; match paths by prefix or exactly`) }];
      }
      return used.has(fault) ? [] : [{ owner: fault.owner, text: finding('MESH_FAULT_UNREACHABLE', `the match must be one that a route of ${this.host} has requests for, got one for which none has; match what one of its routes takes`) }];
    });
  }

  /**
   * Each rule, before it one for each fault that hits only a part of its requests: the rule's own target and limits under both matches.
   * The most specific fault is set first, and a later one never replaces it.
   */
  private withFaults(): { http: HttpRule[]; unknown: Map<FaultRule, string>; used: Set<FaultRule>; blind: Map<FaultRule, string> } {
    const blind = new Map<FaultRule, string>();
    const unknown = new Map<FaultRule, string>();
    const used = new Set<FaultRule>();
    const base = this.sorted().map((rule) => rule.http);
    if (base.length === 0 && this.fallback !== undefined) base.push(this.fallback());
    const faults = [...this.faults].sort((a, b) => compareMatches(widestOf(a.match), widestOf(b.match)) || (a.id < b.id ? -1 : 1));

    let rules = base;
    for (const fault of faults) {
      const next: HttpRule[] = [];
      for (const rule of rules) {
        if (rule.route === undefined) { // Istio takes no fault beside a redirect or an answer of the proxy's own
          next.push(rule);
          continue;
        }
        const parts = alternatives(rule).flatMap((mine) => fault.match.map((theirs) => both(mine, theirs)));
        if (parts.includes('unknown')) unknown.set(fault, rule.name ?? '');
        const hit = parts.filter((part): part is HttpMatch => typeof part === 'object')
          .filter((part) => !next.some((earlier) => alternatives(earlier).some((wide) => covers(wide, part))));
        if (hit.length > 0) {
          used.add(fault);
          const limit = limitPast(rule, fault.fault);
          if (limit !== undefined && !blind.has(fault)) blind.set(fault, limit);
        }
        const whole = alternatives(rule).every((mine) => fault.match.some((theirs) => covers(theirs, mine)));
        const struck = { ...rule, fault: { ...fault.fault, ...rule.fault } };
        if (whole) {
          next.push(struck);
        } else {
          if (hit.length > 0) next.push({ ...struck, name: `${fault.id}-${rule.name}`, match: hit });
          next.push(rule);
        }
      }
      rules = next;
    }
    return { http: rules, unknown, used, blind };
  }
}

function duplicate(owner: IConstruct, host: string, id: string, other: IConstruct): Error {
  return meshError(owner, 'MESH_ROUTE_DUPLICATE', `the ids of the routes of ${host} must differ, got "${id}" twice (the other one is from ${other.node.path}); give one of them another`);
}

/**
 * What a fault would make useless. Envoy's fault filter stands before its router, which is what times and repeats: a delay is over before any limit
 * begins to count, and no retry follows an abort. So a delay that is shorter than the timeout leaves every limit in force, and an abort that the route
 * would not retry anyway changes nothing either.
 */
function limitPast(rule: HttpRule, fault: networking.VirtualServiceSpecHttpFault): string | undefined {
  const { attempts = 0, retryOn } = rule.retries ?? {};
  const status = fault.abort?.httpStatus;
  if (status !== undefined && attempts > 0 && retries(retryOn, status)) return `an abort with ${status} on route "${rule.name}", whose ${attempts} retries for it never come`;
  const delay = fault.delay?.fixedDelay;
  if (delay !== undefined && rule.timeout !== undefined && seconds(delay) >= seconds(rule.timeout)) {
    return `a delay of ${delay} on route "${rule.name}", whose timeout of ${rule.timeout} does not count it`;
  }
  return undefined;
}

/** Whether an answer of this status is sent again; `retryOn` as Istio writes it. */
function retries(retryOn: string | undefined, status: number): boolean {
  return (retryOn ?? '').split(',').some((reason) => reason === String(status) || (reason === '5xx' && status >= 500)
    || (reason === 'gateway-error' && [502, 503, 504].includes(status)) || (reason === 'retriable-4xx' && status === 409));
}

/** As `durationText` wrote it. */
function seconds(duration: string): number {
  return Number(duration.slice(0, -1));
}

function alternatives(rule: HttpRule): readonly HttpMatch[] {
  return rule.match ?? ALL;
}

function widest(rule: HttpRule): HttpMatch {
  return widestOf(alternatives(rule));
}

/** A rule is placed by its least specific alternative: placed by any other, it could hide rules in between. */
function widestOf(matches: readonly HttpMatch[]): HttpMatch {
  return [...matches].sort((a, b) => compareMatches(b, a))[0];
}
