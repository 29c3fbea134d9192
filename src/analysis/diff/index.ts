import { verdictOf } from './access';
import { byKind } from './change';
import type { Change, Difference } from './change';
import type { Aspects, Facts } from './facts';
import { orderChanges } from './order';
import { Side } from './side';
import type { Table } from './side';
import type { Model } from '../../model/model';
import { compare } from '../../model/resource';

export { changeText } from './change';
export type { Change } from './change';

/**
 * What changes for traffic and access between two meshes, not for text: renamed or moved resources, other file names and the order
 * of rules that do not overlap change nothing.
 */
export function diffMeshes(before: Model, after: Model): readonly Change[] {
  const found = new Map<string, { change: Difference; proxies: Set<string> }>();
  const add = (change: Difference, proxy: string) => {
    const key = JSON.stringify(change);
    const known = found.get(key);
    if (known === undefined) found.set(key, { change, proxies: new Set([proxy]) });
    else known.proxies.add(proxy);
  };
  const [old, now] = [new Side(before), new Side(after)];
  const pairs = new Pairs();
  for (const name of [...new Set([...old.workloads.keys(), ...now.workloads.keys()])].sort(compare)) {
    const [was, is] = [old.workloads.get(name), now.workloads.get(name)];
    if (was === undefined || is === undefined) {
      add({ kind: 'workload', subject: name, ...(was === undefined ? { after: is!.kind } : { before: was.kind }) }, name);
      continue;
    }
    for (const [a, b] of tablesOf(old.tables(was), now.tables(is))) for (const change of pairs.compare(a, b)) add(change, name);
    for (const change of compareAspects('policy', name, old.policies(was), now.policies(is))) add(change, name);
  }
  for (const change of accessChanges(old, now)) add(change, change.subject.split(' → ')[0]);
  return [...found.values()].map(({ change, proxies }): Change => ({ ...change, proxies: [...proxies].sort(compare) }))
    .sort(byKind);
}

function* tablesOf(a: ReadonlyMap<string, Table>, b: ReadonlyMap<string, Table>): Iterable<readonly [Table | undefined, Table | undefined]> {
  for (const [key, table] of a) yield [table, b.get(key)];
  for (const [key, table] of b) if (!a.has(key)) yield [undefined, table];
}

/** Compares each pair of tables once, whoever shares them. */
class Pairs {
  private readonly done = new WeakMap<Table, Map<Table | undefined, readonly Difference[]>>();

  public compare(a: Table | undefined, b: Table | undefined): readonly Difference[] {
    const [key, other] = a === undefined ? [b!, a] : [a, b];
    const known = this.done.get(key) ?? new Map<Table | undefined, readonly Difference[]>();
    this.done.set(key, known);
    let changes = known.get(other);
    if (changes === undefined) known.set(other, changes = compareTables(key.kind, a, b));
    return changes;
  }
}

function compareTables(kind: Change['kind'], was: Table | undefined, is: Table | undefined): Difference[] {
  const [a, b]: Facts[] = [was?.facts ?? new Map<string, Aspects>(), is?.facts ?? new Map<string, Aspects>()];
  const changes: Difference[] = [];
  // A target that came or went is told by the routes that lead to it, and by its endpoints.
  const oneSided = was === undefined || is === undefined;
  if (kind === 'target' && oneSided && [...a.values(), ...b.values()].some(aspects => !aspects.has('endpoints'))) return [];
  for (const [subject, aspects] of a) {
    const other = b.get(subject);
    changes.push(...(other === undefined ? [{ kind, subject, before: textOfAspects(aspects) }] : compareAspects(kind, subject, aspects, other)));
  }
  for (const [subject, aspects] of b) if (!a.has(subject)) changes.push({ kind, subject, after: textOfAspects(aspects) });
  if (was?.conditions !== undefined && is?.conditions !== undefined) changes.push(...orderChanges(was, is));
  return changes;
}

function compareAspects(kind: Change['kind'], subject: string, a: Aspects, b: Aspects): Difference[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort(compare).filter(aspect => a.get(aspect) !== b.get(aspect)).map(aspect => ({
    kind, subject, aspect, ...(a.has(aspect) && { before: a.get(aspect) }), ...(b.has(aspect) && { after: b.get(aspect) }),
  }));
}

const textOfAspects = (aspects: Aspects): string => [...aspects].map(([aspect, text]) => `${aspect} ${text}`).join('; ') || 'nothing';

/** Most pairs of callers and workloads that are looked at. */
const MOST_PAIRS = 100_000;

/** Callers who get through to a workload where they did not, or the other way round; only workloads whose policies changed are asked. */
function* accessChanges(old: Side, now: Side): Iterable<Difference> {
  const callers = [...now.workloads].filter(([name]) => old.workloads.has(name));
  let pairs = 0;
  for (const [name, workload] of now.workloads) {
    const was = old.workloads.get(name);
    if (was === undefined || textOfAspects(old.policies(was)) === textOfAspects(now.policies(workload))) continue;
    for (const [caller, from] of callers) {
      if (caller === name || ++pairs > MOST_PAIRS) continue;
      const [a, b] = [verdictOf(old.model, was, old.workloads.get(caller)!), verdictOf(now.model, workload, from)];
      if (a.verdict === b.verdict) continue;
      const policy = b.policy ?? a.policy;
      yield { kind: 'access', subject: `${caller} → ${name}`, before: a.verdict, after: `${b.verdict}${policy === undefined ? '' : ` (${policy})`}` };
    }
  }
}
