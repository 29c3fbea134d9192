import { groupBy } from '../../model/group-by';
import { hostsMatch, isWildcard, mostSpecificHost } from '../../model/hosts';
import { objectOf, objectsOf, textMapOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import type { Model } from '../../model/model';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Service, Workload } from '../../model/service';

type Labels = Readonly<Record<string, string>>;

/** Tables that several rules ask, each made once and only if asked: no rule searches all services for each resource. */
export class MeshIndex {
  private readonly answers = new Map<string, readonly Service[]>();
  private readonly selections = new Map<string, readonly Workload[]>();
  private accounts: ReadonlySet<string> | undefined;
  private gatewayTable: ReadonlyMap<string, Resource> | undefined;
  private suffixTable: ReadonlyMap<string, readonly Service[]> | undefined;
  private labelTable: ReadonlyMap<string, readonly Workload[]> | undefined;
  private namespaceTable: ReadonlyMap<string, readonly Workload[]> | undefined;
  private namespaceSet: ReadonlySet<string> | undefined;
  private oddTable: readonly Service[] | undefined;
  private registered: ReadonlyMap<Resource, Service> | undefined;
  private istiodList: readonly Resource[] | undefined;
  private subsetTable: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  private readonly policyTables = new Map<string, ReadonlyMap<string, readonly Resource[]>>();

  public constructor(private readonly model: Model) {}

  /** Services that a full host name means: those of that name, else those of a wildcard that covers it. */
  public servicesFor(host: string): readonly Service[] {
    return memo(this.answers, host, () => {
      const exact = this.model.servicesByHost.get(host.toLowerCase());
      if (exact !== undefined) return exact;
      return suffixesOf(host).flatMap(suffix => this.model.servicesByHost.get(`*${suffix}`) ?? []).concat(
        this.oddWildcards.filter(service => hostsMatch(host, service.hostname)));
    });
  }

  /** Services that share a name with a host, which may be a wildcard. */
  public servicesMatching(host: string): readonly Service[] {
    if (!isWildcard(host)) return this.servicesFor(host);
    if (host === '*') return this.model.services;
    return memo(this.answers, `~${host}`, () => {
      const below = host.startsWith('*.') ? this.bySuffix.get(host.slice(1)) ?? [] : this.model.services.filter(service => hostsMatch(host, service.hostname));
      return [...below, ...this.model.servicesByHost.get(host) ?? [], ...this.servicesFor(host)];
    });
  }

  /** The registry's entry of a Kubernetes Service. */
  public serviceOf(resource: Resource): Service | undefined {
    this.registered ??= new Map(this.model.services.filter(({ registry }) => registry === 'Kubernetes').map(service => [service.resource, service]));
    return this.registered.get(resource);
  }

  /** Workloads of a namespace (of all, without one) that carry all labels of a selector. */
  public workloadsSelected(selector: Labels, namespace?: string): readonly Workload[] {
    const key = JSON.stringify([namespace ?? null, Object.entries(selector).sort()]);
    return memo(this.selections, key, () => {
      const entries = Object.entries(selector);
      // The rarest way in: by one label, which few workloads share.
      const [first] = entries;
      const candidates = first === undefined ? this.model.workloads : this.byLabel.get(`${first[0]}=${first[1]}`) ?? [];
      return candidates.filter(workload => (namespace === undefined || workload.namespace === namespace) && selects(selector, workload.labels));
    });
  }

  /** Workloads in a namespace. */
  public workloadsIn(namespace: string): readonly Workload[] {
    return this.byNamespace.get(namespace) ?? [];
  }

  /** Policies of a kind that select the workload: its namespace's and the root namespace's, without those that name their target. */
  public policiesFor(kind: string, workload: Workload): readonly Resource[] {
    const namespaces = [...new Set([workload.namespace, this.model.config.rootNamespace])];
    return namespaces.flatMap(namespace => this.policiesIn(kind, namespace))
      .filter(({ spec }) => selects(textMapOf(objectOf(spec?.selector).matchLabels), workload.labels));
  }

  /** Policies of a kind in a namespace. */
  public policiesIn(kind: string, namespace: string): readonly Resource[] {
    const tables = this.policyTables;
    let table = tables.get(kind);
    if (table === undefined) {
      const own = this.model.of(kind).filter(({ spec }) => spec?.targetRef === undefined && spec?.targetRefs === undefined);
      tables.set(kind, table = groupBy(own, ({ metadata }) => metadata.namespace));
    }
    return table.get(namespace) ?? [];
  }

  /** Whether anything of the input lives in the namespace. */
  public knowsNamespace(namespace: string): boolean {
    return this.namespaces.has(namespace);
  }

  /** The same for a name that may begin or end with `*`. */
  public knowsNamespaceLike(pattern: string): boolean {
    if (!pattern.includes('*')) return this.knowsNamespace(pattern) || pattern === this.model.config.rootNamespace;
    const [start, end] = pattern.endsWith('*') ? [pattern.slice(0, -1), ''] : ['', pattern.slice(1)];
    return [...this.namespaces].some(name => name.startsWith(start) && name.endsWith(end));
  }

  /** Service accounts that exist, as `namespace/name`. */
  public get serviceAccounts(): ReadonlySet<string> {
    return this.accounts ??= new Set([
      ...this.model.of('ServiceAccount').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      ...this.model.workloads.map(workload => `${workload.namespace}/${workload.serviceAccount}`),
      ...this.model.of('WorkloadEntry').map(({ metadata, spec }) => `${metadata.namespace}/${String(spec.serviceAccount ?? 'default')}`),
    ]);
  }

  /** Subsets that DestinationRules define for a full host; those of the most specific rule. */
  public subsetsOf(host: string): ReadonlySet<string> | undefined {
    this.subsetTable ??= subsetsByHost(this.model);
    const key = mostSpecificHost(host, this.subsetTable);
    return key === undefined ? undefined : this.subsetTable.get(key);
  }

  /** Istio's Gateways by `namespace/name`. */
  public get gateways(): ReadonlyMap<string, Resource> {
    return this.gatewayTable ??= new Map(this.model.of('Gateway').map(gateway => [`${gateway.metadata.namespace}/${gateway.metadata.name}`, gateway]));
  }

  /** Pods that a Gateway's selector takes. Without one it takes every gateway. */
  public gatewayWorkloads(gateway: Resource): readonly Workload[] {
    const selector = textMapOf(gateway.spec.selector);
    return Object.keys(selector).length === 0 ? this.model.workloads.filter(workload => workload.gateway) : this.workloadsSelected(selector);
  }

  /** Deployments of Istio's control plane in the input. */
  public get istiods(): readonly Resource[] {
    return this.istiodList ??= this.model.of('Deployment').filter(deployment => (
      deployment.metadata.labels.app === 'istiod' || textMapOf(objectOf(templateOf(deployment).metadata).labels).app === 'istiod'));
  }

  /** What the control plane of the input is told by its environment; undefined where it is not, or not in the input. */
  public istiodEnv(name: string): string | undefined {
    return this.istiods.flatMap(deployment => environmentOf(deployment)).find(each => each.name === name)?.value as string | undefined;
  }

  private get byNamespace(): ReadonlyMap<string, readonly Workload[]> {
    return this.namespaceTable ??= groupBy(this.model.workloads, workload => workload.namespace);
  }

  private get namespaces(): ReadonlySet<string> {
    return this.namespaceSet ??= new Set([
      ...this.model.of('Namespace').map(({ metadata }) => metadata.name), ...this.byNamespace.keys(), ...this.model.services.map(service => service.namespace),
    ]);
  }

  /** Wildcards that replace a part of a label, `*foo.example`. */
  private get oddWildcards(): readonly Service[] {
    return this.oddTable ??= this.model.services.filter(({ hostname }) => isWildcard(hostname) && !hostname.startsWith('*.') && hostname !== '*');
  }

  private get byLabel(): ReadonlyMap<string, readonly Workload[]> {
    if (this.labelTable !== undefined) return this.labelTable;
    const table = new Map<string, Workload[]>();
    for (const workload of this.model.workloads) for (const [key, value] of Object.entries(workload.labels)) push(table, `${key}=${value}`, workload);
    return this.labelTable = table;
  }

  /** Services by each suffix of their host that a wildcard may name. */
  private get bySuffix(): ReadonlyMap<string, readonly Service[]> {
    if (this.suffixTable !== undefined) return this.suffixTable;
    const table = new Map<string, Service[]>();
    for (const service of this.model.services) for (const suffix of suffixesOf(service.hostname)) push(table, suffix, service);
    return this.suffixTable = table;
  }
}

const templateOf = (deployment: Resource): Json => objectOf(objectOf(deployment.spec).template);

/** Environment of the containers of a Deployment. */
export function environmentOf(deployment: Resource): readonly Json[] {
  return objectsOf(objectOf(templateOf(deployment).spec).containers).flatMap(container => objectsOf(container.env));
}

/** Subsets that DestinationRules define, by full host (which may be a wildcard). */
function subsetsByHost(model: Model): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { metadata, spec } of model.of('DestinationRule')) {
    const host = resolveHost(textOf(spec?.host) ?? '', metadata.namespace, model.domain).toLowerCase();
    const names = found.get(host) ?? new Set();
    found.set(host, names);
    for (const subset of objectsOf(spec?.subsets)) if (typeof subset.name === 'string') names.add(subset.name);
  }
  return found;
}

/** `.b.c` and `.c` of `a.b.c`, longest first. */
function suffixesOf(host: string): string[] {
  const suffixes: string[] = [];
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) if (dot > 0) suffixes.push(host.slice(dot));
  return suffixes;
}

function push<T>(table: Map<string, T[]>, key: string, value: T): void {
  const list = table.get(key);
  if (list === undefined) table.set(key, [value]);
  else list.push(value);
}

function memo<V>(table: Map<string, V>, key: string, make: () => V): V {
  const known = table.get(key);
  if (known !== undefined) return known;
  const made = make();
  table.set(key, made);
  return made;
}
