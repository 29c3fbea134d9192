import { policyAspects } from './access';
import type { Change } from './change';
import { clusterAspects, endpointAspects } from './clusters';
import type { Aspects, Facts, TargetName } from './facts';
import { clustersOfListener, listenerFacts } from './listeners';
import { routeFacts } from './routes';
import type { RouteCondition } from './routes';
import type { Compiler } from '../../compiler/compiler';
import { createCompiler } from '../../compiler/compiler';
import { objectsOf, textMapOf, textOf } from '../../model/json';
import type { Model } from '../../model/model';
import { resolveHost } from '../../model/names';
import { proxyOf } from '../../model/proxy';
import type { Workload } from '../../model/service';

/** Facts of one kind that one message of a proxy gives. */
export interface Table {
  readonly kind: Change['kind'];
  readonly facts: Facts;
  /** Of routes: which requests each subject is about. */
  readonly conditions?: ReadonlyMap<string, RouteCondition>;
}

/** One of the two meshes, with what was read of its messages; messages are shared by proxies, and so are their facts. */
export class Side {
  public readonly workloads: ReadonlyMap<string, Workload>;
  public readonly policies: (workload: Workload) => Aspects;
  private readonly compiler: Compiler;
  private readonly byMessage = new WeakMap<object, Table>();
  private readonly clusters = new WeakMap<object, readonly string[]>();
  private readonly addresses: ReadonlyMap<string, string>;
  private readonly nameOf: TargetName;

  public constructor(public readonly model: Model) {
    this.compiler = createCompiler(model);
    this.workloads = new Map(model.workloads.map(workload => [nameOf(workload), workload]));
    this.policies = policyAspects(model);
    this.addresses = new Map([
      ...model.services.flatMap(service => service.addresses.map((address): [string, string] => [address, service.hostname])),
      ...model.workloads.flatMap(workload => workload.ips.map((address): [string, string] => [address, nameOf(workload)])),
    ]);
    const subsets = subsetLabels(model);
    this.nameOf = cluster => {
      const match = /^(outbound|inbound)\|(\d*)\|([^|]*)\|(.*)$/.exec(cluster);
      if (match === null) return cluster;
      const [, direction, port, subset, host] = match;
      const labels = subset === '' ? '' : ` ${subsets.get(`${host} ${subset}`) ?? `subset ${subset}`}`;
      return direction === 'inbound' ? `own port ${port}` : `${host}:${port}${labels}`;
    };
  }

  /** Tables of a proxy by what they are about. */
  public tables(workload: Workload): ReadonlyMap<string, Table> {
    const compiled = this.compiler.compile(proxyOf(this.model, workload, { dialect: 'stock' }));
    const tables = new Map<string, Table>();
    const used = new Set<string>();
    for (const route of compiled.routes) {
      tables.set(`route ${route.name}`, this.memo(route, () => ({ kind: 'route', ...routeFacts(route, this.nameOf) })));
      for (const cluster of this.clustersOf(route, () => route.virtualHosts.flatMap(host => host.routes).flatMap(clustersOfRoute))) used.add(cluster);
    }
    for (const listener of compiled.listeners) {
      const facts = () => renamed(listenerFacts(listener, this.nameOf), this.addresses);
      tables.set(`listener ${listener.name}`, this.memo(listener, () => ({ kind: 'listener', facts: facts() })));
      for (const cluster of this.clustersOf(listener, () => clustersOfListener(listener))) used.add(cluster);
    }
    const address = (text: string) => this.addresses.get(text) ?? text;
    const assignments = new Map(compiled.endpoints.map(each => [each.clusterName, each]));
    for (const cluster of compiled.clusters.filter(({ name }) => used.has(name))) {
      const name = this.nameOf(cluster.name);
      tables.set(`target ${name}`, this.memo(cluster, () => ({ kind: 'target', facts: new Map([[name, clusterAspects(cluster, address)]]) })));
      const assignment = assignments.get(cluster.name);
      if (assignment !== undefined) {
        tables.set(`endpoints ${name}`, this.memo(assignment, () => ({ kind: 'target', facts: new Map([[name, endpointAspects(assignment, address)]]) })));
      }
    }
    return tables;
  }

  private memo(message: object, make: () => Table): Table {
    let table = this.byMessage.get(message);
    if (table === undefined) this.byMessage.set(message, table = make());
    return table;
  }

  private clustersOf(message: object, make: () => readonly string[]): readonly string[] {
    let names = this.clusters.get(message);
    if (names === undefined) this.clusters.set(message, names = make());
    return names;
  }
}

const nameOf = ({ workload, namespace }: Workload): string => `${workload}.${namespace}`;

function clustersOfRoute(route: { readonly action: { readonly case?: string; readonly value?: unknown } }): string[] {
  if (route.action.case !== 'route') return [];
  const { clusterSpecifier, requestMirrorPolicies } = route.action.value as {
    clusterSpecifier: { case?: string; value?: unknown }; requestMirrorPolicies: readonly { cluster: string }[];
  };
  const weighted = clusterSpecifier.case === 'weightedClusters' ? (clusterSpecifier.value as { clusters: readonly { name: string }[] }).clusters.map(({ name }) => name) : [];
  return [...(clusterSpecifier.case === 'cluster' ? [String(clusterSpecifier.value)] : weighted), ...requestMirrorPolicies.map(({ cluster }) => cluster)];
}

/** Addresses that were made up for services are no fact: the services are. */
function renamed(facts: Facts, addresses: ReadonlyMap<string, string>): Facts {
  const rename = (text: string) => text.replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, address => addresses.get(address) ?? address);
  return new Map([...facts].map(([subject, aspects]) => [rename(subject), aspects]));
}

/** Labels of each subset, where all DestinationRules agree on them: a subset is what it selects, not what it is called. */
function subsetLabels(model: Model): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const { metadata, spec } of model.of('DestinationRule')) {
    const host = resolveHost(textOf(spec.host) ?? '', metadata.namespace, model.domain).toLowerCase();
    for (const subset of objectsOf(spec.subsets)) {
      const key = `${host} ${textOf(subset.name) ?? ''}`;
      const own = Object.entries(textMapOf(subset.labels)).sort().map(([name, value]) => `${name}=${value}`).join(',') || `subset ${textOf(subset.name) ?? ''}`;
      labels.set(key, labels.has(key) && labels.get(key) !== own ? `subset ${textOf(subset.name) ?? ''}` : own);
    }
  }
  return labels;
}

