import { remake } from '../../model/keep';
import type { Made } from '../../model/keep';
import type { Model } from '../../model/model';
import { resolveGateway, resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import type { VirtualServiceSpec } from '../istio-api';
import type { Memo } from '../memo';
import { configPath } from '../names';
import { withDelegates } from './delegates';
import { inOrderOfVisibility, visibilityOf } from './visibility';
import type { Visibility } from './visibility';

/** A VirtualService with its names resolved. */
export interface VirtualService {
  readonly resource: Resource<VirtualServiceSpec>;
  readonly spec: VirtualServiceSpec;
  readonly name: string;
  readonly namespace: string;
  /** Full names, lower case. */
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name`. */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
  readonly configPath: string;
  /** Whether it says something of TLS or TCP. */
  readonly layer4: boolean;
  /** Whether other resources say a part of it. */
  readonly delegates: boolean;
  /** Labels of callers that its matches ask about. */
  readonly sourceLabels: readonly string[];
}

type Rule = Resource<VirtualServiceSpec>;

/** All VirtualServices, oldest first, found by gateway and by who looks. */
export class VirtualServices {
  public readonly all: readonly VirtualService[];
  private readonly lists = new Map<string, readonly VirtualService[]>();
  private readonly made: Made<Rule, VirtualService>;

  /** @param former - the same of other resources, from which those are taken that did not change */
  public constructor(rules: readonly Rule[], model: Model, memo: Memo, former?: VirtualServices) {
    const isDelegate = ({ spec }: Rule): boolean => (spec.hosts ?? []).length === 0;
    const source = {
      domain: model.domain,
      defaultExportTo: model.config.defaultVirtualServiceExportTo,
      delegates: new Map(rules.filter(isDelegate).map(rule => [`${rule.metadata.namespace}/${rule.metadata.name}`, rule])),
    };
    const make = (rule: Rule): VirtualService => {
      const delegates = delegatesOf(rule).map(({ namespace, name }) => source.delegates.get(`${namespace || rule.metadata.namespace}/${name ?? ''}`));
      return memo.get('virtualService', [rule, ...delegates], () => prepare(rule, model, withDelegates(rule, source)));
    };
    this.made = remake(former?.made, rules.filter(rule => !isDelegate(rule)), make, ({ delegates }) => !delegates);
    this.all = this.made.results;
  }

  /** Those bound to `gateway` that `namespace` sees, in the order in which they win (B3). */
  public boundTo(gateway: string, namespace: string): readonly VirtualService[] {
    const key = `${gateway}\u0000${namespace}`;
    let list = this.lists.get(key);
    if (list === undefined) {
      const bound = this.all.filter(service => service.gateways.includes(gateway));
      list = inOrderOfVisibility(bound, service => ({ visibility: service.visibility, owner: service.namespace }), namespace);
      this.lists.set(key, list);
    }
    return list;
  }
}

const delegatesOf = ({ spec }: Rule) => (spec.http ?? []).flatMap(({ delegate }) => (delegate === undefined ? [] : [delegate]));

/** Labels of callers that some match of the rules asks about. */
function sourceLabelsOf({ http, tls, tcp }: VirtualServiceSpec): string[] {
  return [...http ?? [], ...tls ?? [], ...tcp ?? []].flatMap(rule => rule.match ?? []).flatMap(match => Object.keys(match.sourceLabels ?? {}));
}

function prepare(resource: Rule, model: Model, http: VirtualServiceSpec['http']): VirtualService {
  const { metadata } = resource;
  const spec = { ...resource.spec, http };
  const gateways = spec.gateways === undefined || spec.gateways.length === 0 ? ['mesh'] : spec.gateways;
  return {
    resource,
    spec,
    name: metadata.name,
    namespace: metadata.namespace,
    hosts: (spec.hosts ?? []).map(host => resolveHost(host, metadata.namespace, model.domain).toLowerCase()),
    gateways: gateways.map(gateway => resolveGateway(gateway, metadata.namespace)),
    visibility: visibilityOf(spec.exportTo, metadata.namespace, model.config.defaultVirtualServiceExportTo),
    configPath: configPath(resource as unknown as Resource),
    layer4: [...spec.tls ?? [], ...spec.tcp ?? []].length > 0,
    delegates: delegatesOf(resource).length > 0,
    sourceLabels: sourceLabelsOf(spec),
  };
}
