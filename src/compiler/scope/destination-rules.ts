import { remake } from '../../model/keep';
import type { Made } from '../../model/keep';
import type { Model } from '../../model/model';
import { resolveHost } from '../../model/names';
import { compare } from '../../model/resource';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Service } from '../../model/service';
import { mostSpecific } from '../host-table';
import type { DestinationRuleSpec, Subset, TrafficPolicy } from '../istio-api';
import type { Memo } from '../memo';
import { configPath } from '../names';

/** One DestinationRule, or several of one namespace and host merged (istio-behaviour B5). */
export interface DestinationRule {
  readonly host: string;
  readonly namespace: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets: readonly Subset[];
  readonly selector?: Readonly<Record<string, string>>;
  /** Values as they stand; of a rule for some workloads only `.`. */
  readonly exportTo: ReadonlySet<string>;
  /** Of the rule that came first. */
  readonly configPath: string;
  /** Labels by which its policies tell near endpoints from far ones. */
  readonly failoverLabels: readonly string[];
}

type ByHost = Map<string, DestinationRule[]>;

/** Finds the DestinationRule that a client namespace applies to a service. */
export class DestinationRules {
  private readonly local = new Map<string, ByHost>();
  private readonly exported = new Map<string, ByHost>();
  /** Labels of callers that some rule looks at. */
  public readonly callerLabels: readonly string[];
  private readonly root: string;
  private readonly found = new Map<string, readonly DestinationRule[]>();

  private readonly made: Made<Resource<DestinationRuleSpec>, DestinationRule>;

  /** @param former - the same of other resources, from which those are taken that did not change */
  public constructor(resources: readonly Resource<DestinationRuleSpec>[], model: Model, memo: Memo, former?: DestinationRules) {
    this.root = model.config.rootNamespace;
    this.made = remake(former?.made, resources, resource => memo.get('destinationRule', [resource], () => prepare(resource, model)));
    const { results: rules } = this.made;
    const withSelector = rules.filter(rule => rule.selector !== undefined);
    this.callerLabels = [...new Set([
      ...withSelector.flatMap(rule => Object.keys(rule.selector ?? {})),
      ...rules.flatMap(rule => rule.failoverLabels),
    ])].sort(compare);
    const keptByDefault = model.config.defaultDestinationRuleExportTo.includes('.');
    for (const rule of [...withSelector, ...rules.filter(other => other.selector === undefined)]) {
      const { exportTo, namespace } = rule;
      const own = exportTo.size === 0 ? keptByDefault : exportTo.size === 1 && (exportTo.has('.') || exportTo.has(namespace));
      const atHome = exportTo.size === 0 || ['*', '.', namespace].some(value => exportTo.has(value));
      // What the root namespace says to others is not meant for its own proxies before all else.
      if (namespace === this.root ? own : atHome) add(this.local, rule, memo);
      if (!own) add(this.exported, rule, memo);
    }
  }

  /** The rule for `service` as seen from `namespace` by a proxy with `labels`; without labels, the one that selects nobody: it counts for inbound. */
  public of(service: Pick<Service, 'hostname' | 'namespace'>, namespace: string, labels?: Readonly<Record<string, string>>): DestinationRule | undefined {
    let plain: DestinationRule | undefined;
    for (const rule of this.listFor(service, namespace)) {
      if (rule.selector === undefined) plain = rule;
      else if (labels !== undefined && rule.namespace === namespace && selects(rule.selector, labels)) return rule;
    }
    return plain;
  }

  private listFor(service: Pick<Service, 'hostname' | 'namespace'>, namespace: string): readonly DestinationRule[] {
    const key = `${namespace}\u0000${service.namespace}\u0000${service.hostname}`;
    let list = this.found.get(key);
    if (list === undefined) this.found.set(key, list = this.search(service, namespace));
    return list;
  }

  private search(service: Pick<Service, 'hostname' | 'namespace'>, namespace: string): readonly DestinationRule[] {
    const own = mostSpecific(service.hostname, this.local.get(namespace) ?? NONE);
    if (own !== undefined) return own;
    for (const owner of [service.namespace, this.root]) {
      const exported = mostSpecific(service.hostname, this.exported.get(owner) ?? NONE)
        ?.filter(({ exportTo }) => exportTo.size === 0 || exportTo.has('*') || exportTo.has(namespace));
      if (exported !== undefined && exported.length > 0) return exported;
    }
    return [];
  }
}

const NONE: ByHost = new Map();

/** Labels by which a policy tells near endpoints from far ones. */
function failoverLabels(policy: TrafficPolicy | undefined): string[] {
  return [policy, ...policy?.portLevelSettings ?? []]
    .flatMap(level => level?.loadBalancer?.localityLbSetting?.failoverPriority ?? []).map(label => label.split('=')[0]);
}

function prepare(resource: Resource<DestinationRuleSpec>, model: Model): DestinationRule {
  const { metadata, spec } = resource;
  const selector = spec.workloadSelector && (spec.workloadSelector.matchLabels ?? {});
  return {
    host: resolveHost(spec.host, metadata.namespace, model.domain).toLowerCase(),
    namespace: metadata.namespace,
    trafficPolicy: spec.trafficPolicy,
    subsets: spec.subsets ?? [],
    selector,
    // A rule with a workloadSelector is always private.
    exportTo: new Set(selector === undefined ? spec.exportTo : ['.']),
    configPath: configPath(resource as unknown as Resource),
    failoverLabels: [spec.trafficPolicy, ...(spec.subsets ?? []).map(subset => subset.trafficPolicy)].flatMap(failoverLabels),
  };
}

function add(index: Map<string, ByHost>, rule: DestinationRule, memo: Memo): void {
  const byHost = index.get(rule.namespace) ?? new Map<string, DestinationRule[]>();
  index.set(rule.namespace, byHost);
  const list = byHost.get(rule.host) ?? [];
  byHost.set(rule.host, list);
  // The last of those before it decides whether it also stands for itself.
  let apart = true;
  list.forEach((known, at) => {
    const same = known.exportTo.size === rule.exportTo.size && [...known.exportTo].every(value => rule.exportTo.has(value));
    const wider = known.exportTo.size > 0 && [...known.exportTo].every(value => rule.exportTo.has(value));
    const alike = (known.selector === undefined) === (rule.selector === undefined);
    if (!(same || wider) || (alike && !sameLabels(known.selector ?? {}, rule.selector ?? {}))) {
      apart = true;
      return;
    }
    apart = !(same || alike);
    list[at] = memo.get('mergedRule', [known, rule], () => merge(known, rule));
  });
  if (apart) list.push(rule);
}

function merge(first: DestinationRule, second: DestinationRule): DestinationRule {
  const names = new Set(first.subsets.map(subset => subset.name));
  return {
    ...first,
    subsets: [...first.subsets, ...second.subsets.filter(subset => !names.has(subset.name))],
    trafficPolicy: first.trafficPolicy ?? second.trafficPolicy,
  };
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.keys(a).length === Object.keys(b).length && selects(a, b);
}
