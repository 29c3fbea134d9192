import { kept } from './kept';
import { LinksOfMesh } from './links';
import { objectOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import { groupOf } from '../../model/kinds';
import { buildModel } from '../../model/model';
import { PATH_ANNOTATION } from '../../model/parse';
import type { Resource } from '../../model/resource';
import { compare, resourceName } from '../../model/resource';

/** One step on the way from one set of manifests to another. */
export interface Step {
  readonly action: 'apply' | 'delete';
  /** `DestinationRule/default/reviews`. */
  readonly resource: string;
  /** What the manifest has besides its final form, because routes still lead there: `subset v1`. Sorted; absent where it is applied as it is. */
  readonly keeps?: readonly string[];
  /** The manifest to apply where it is neither that of before nor that of after. */
  readonly manifest?: Json;
  /** Whether Pods must be ready before the next step. */
  readonly waits?: true;
}

/** A step with what decides its place. */
interface Node {
  readonly step: Step;
  readonly rank: number;
  readonly after: Set<Node>;
}

/** A resource on its way: what it is before and after, and its steps. */
interface Change {
  readonly was?: Resource;
  readonly is?: Resource;
  /** Adds all that others need. */
  readonly make?: Node;
  /** Takes away what nobody needs any more; the same node where one step does both. */
  readonly end?: Node;
}

const WORKLOADS: ReadonlySet<string> = new Set(['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/** What stands further up is applied first where no need decides. */
const KINDS: readonly (readonly string[])[] = [
  ['Namespace', 'CustomResourceDefinition'], ['ConfigMap', 'Secret', 'ServiceAccount'], ['Service', 'ServiceEntry', 'WorkloadEntry', 'WorkloadGroup'], [...WORKLOADS],
  ['RequestAuthentication'], ['Sidecar', 'ProxyConfig'], ['DestinationRule', 'Gateway'], ['PeerAuthentication', 'EnvoyFilter', 'Telemetry', 'WasmPlugin'],
  ['AuthorizationPolicy'], ['VirtualService'],
];

const rankOf = (kind: string): number => {
  const rank = KINDS.findIndex(kinds => kinds.includes(kind));
  return rank < 0 ? 3 : rank;
};

/**
 * Steps from some manifests to others such that in no moment between them a route leads to a host, subset, gateway or version that is not
 * there: what is needed is made first, what is no longer needed goes last. A resource of which a part is still needed is applied twice.
 */
export function applyOrder(before: readonly Resource[], after: readonly Resource[]): readonly Step[] {
  const [old, now] = [new LinksOfMesh(buildModel(before)), new LinksOfMesh(buildModel(after))];
  const [was, is] = [byKey(before), byKey(after)];
  const pairs = [...new Set([...was.keys(), ...is.keys()])].sort(compare).map(key => ({ was: was.get(key), is: is.get(key) }));
  const changed = pairs.filter(({ was: a, is: b }) => a === undefined || b === undefined || textOfDocument(a) !== textOfDocument(b));
  // What those need that change, as they were: the others stay as they are, and so does what they need.
  const stillNeeded = new Set(changed.flatMap(each => (each.was === undefined ? [] : old.of(each.was).needs)));
  const changes = changed.map(({ was: a, is: b }): Change => {
    const left = new Set(b === undefined ? [] : now.of(b).gives);
    return changeOf(a, b, a === undefined ? [] : old.of(a).gives.filter(given => stillNeeded.has(given) && !left.has(given)));
  });
  const makers = new Map<string, Change[]>();
  const takers = new Map<string, Change[]>();
  for (const change of changes) {
    for (const given of change.is === undefined ? [] : now.of(change.is).gives) push(makers, given, change);
    // One step that both adds and takes away takes nothing that is still needed.
    for (const given of change.was === undefined || change.end === change.make ? [] : old.of(change.was).gives) push(takers, given, change);
  }
  for (const user of changes) {
    for (const need of user.is === undefined ? [] : now.of(user.is).needs) {
      for (const giver of makers.get(need) ?? []) if (giver !== user) user.make!.after.add(giver.make!);
    }
    for (const need of user.was === undefined ? [] : old.of(user.was).needs) {
      for (const giver of takers.get(need) ?? []) if (giver !== user) giver.end!.after.add(user.make ?? user.end!);
    }
  }
  encryption(changes);
  return sorted(changes.flatMap(({ make, end }) => [...new Set([make, end])].filter(node => node !== undefined)));
}

/** Steps of one resource. `lost` is what it gave, gives no more, and something that changes too relied on. */
function changeOf(was: Resource | undefined, is: Resource | undefined, lost: readonly string[]): Change {
  const resource = (is ?? was)!;
  const rank = rankOf(resource.kind);
  const node = (step: Step, at: number): Node => ({ step, rank: at, after: new Set() });
  const name = resourceName(resource);
  const last = 2 * KINDS.length - rank;
  if (is === undefined) return { was, end: node({ action: 'delete', resource: name }, last) };
  const wide = was === undefined || lost.length === 0 ? undefined : kept(was.document, is.document, lost);
  const make = node({ action: 'apply', resource: name, ...wide, ...(WORKLOADS.has(is.kind) && { waits: true as const }) }, rank);
  if (wide === undefined) return { was, is, make, end: make };
  const end = node({ action: 'apply', resource: name }, last);
  end.after.add(make);
  return { was, is, make, end };
}

/** Whoever asks for mutual TLS comes after the DestinationRules that stop sending plain text, and before those that begin to. */
function encryption(changes: readonly Change[]): void {
  const isPlain = (rule: Resource | undefined): boolean => /"mode":"(?:DISABLE|SIMPLE)"/.test(JSON.stringify(rule?.spec ?? {}));
  const isStrict = (policy: Resource | undefined): boolean => /"mode":"STRICT"/.test(JSON.stringify(policy?.spec ?? {}));
  const of = (kind: string) => changes.filter(({ was, is }) => (is ?? was)!.kind === kind);
  for (const policy of of('PeerAuthentication')) {
    for (const rule of of('DestinationRule')) {
      const [asks, sends] = [policy.make ?? policy.end!, rule.make ?? rule.end!];
      if (isStrict(policy.is) && isPlain(rule.was) && !isPlain(rule.is)) asks.after.add(rule.end ?? sends);
      if (isStrict(policy.was) && !isStrict(policy.is) && isPlain(rule.is) && !isPlain(rule.was)) sends.after.add(asks);
    }
  }
}

/** Each after what it must wait for; of several that may come, the lowest in rank and then in name. */
function sorted(nodes: readonly Node[]): readonly Step[] {
  const left = new Set([...nodes].sort((a, b) => a.rank - b.rank || compare(a.step.resource, b.step.resource)));
  const steps: Step[] = [];
  while (left.size > 0) {
    let next: Node | undefined;
    for (const node of left) {
      if ([...node.after].some(other => left.has(other))) continue;
      next = node;
      break;
    }
    // Two that need one another can only come together; the first of them goes first.
    next ??= [...left][0];
    left.delete(next);
    steps.push(next.step);
  }
  return steps;
}

function push<T>(table: Map<string, T[]>, key: string, value: T): void {
  const list = table.get(key);
  if (list === undefined) table.set(key, [value]);
  else list.push(value);
}

function byKey(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  return new Map(resources.map(resource => [`${groupOf(resource.apiVersion)} ${resourceName(resource)}`, resource]));
}

/** Text of what a person wrote: without status, what the API server adds, and construct paths. */
function textOfDocument({ document }: Resource): string {
  const { status: _status, metadata, ...rest } = document;
  const { name, namespace, labels, annotations } = objectOf(metadata);
  const { [PATH_ANNOTATION]: _path, ...own } = objectOf(annotations);
  return stable({ ...rest, metadata: { name, namespace: textOf(namespace) ?? 'default', labels: objectOf(labels), annotations: own } });
}

const stable = (value: unknown): string => JSON.stringify(value, (_key, item: unknown) => (
  typeof item === 'object' && item !== null && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => compare(a, b))) : item));

/** `2. apply DestinationRule/default/reviews, still with subset v1`. */
export function stepText(step: Step, number: number): string {
  const more = step.keeps !== undefined ? `, still with ${step.keeps.join(', ')}` : step.waits === true ? ', and wait until its Pods are ready' : '';
  return `${number}. ${step.action} ${step.resource}${more}`;
}
