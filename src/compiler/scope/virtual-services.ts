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
}

/** All VirtualServices, oldest first, found by gateway and by who looks. */
export class VirtualServices {
  public readonly all: readonly VirtualService[];
  private readonly lists = new Map<string, readonly VirtualService[]>();

  public constructor(model: Model, memo: Memo) {
    const rules = model.of('VirtualService') as unknown as readonly Resource<VirtualServiceSpec>[];
    const isDelegate = ({ spec }: Resource<VirtualServiceSpec>): boolean => (spec.hosts ?? []).length === 0;
    const source = {
      domain: model.domain,
      defaultExportTo: model.config.defaultVirtualServiceExportTo,
      delegates: new Map(rules.filter(isDelegate).map(rule => [`${rule.metadata.namespace}/${rule.metadata.name}`, rule])),
    };
    const delegatesOf = ({ metadata, spec }: Resource<VirtualServiceSpec>) => (spec.http ?? []).flatMap(({ delegate }) => (
      delegate === undefined ? [] : [source.delegates.get(`${delegate.namespace || metadata.namespace}/${delegate.name ?? ''}`)]));
    this.all = rules.filter(rule => !isDelegate(rule))
      .map(rule => memo.get('virtualService', [rule, ...delegatesOf(rule)], () => prepare(rule, model, withDelegates(rule, source))));
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

function prepare(resource: Resource<VirtualServiceSpec>, model: Model, http: VirtualServiceSpec['http']): VirtualService {
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
  };
}
