import type { Difference } from './change';
import { textOfJson } from './facts';
import type { RouteCondition } from './routes';
import type { Table } from './side';

/** Most routes of one host of which each pair is looked at. */
const MOST_ROUTES = 300;

/** Rules that changed places, where a request can meet both and they do different things. */
export function orderChanges(was: Table, is: Table): Difference[] {
  const changes: Difference[] = [];
  const order = new Map([...is.facts.keys()].map((subject, index) => [subject, index]));
  for (const subjects of byPlace(was).values()) {
    const common = subjects.filter(subject => order.has(subject)).slice(0, MOST_ROUTES);
    common.forEach((first, index) => {
      for (const second of common.slice(index + 1)) {
        if (order.get(first)! < order.get(second)! || !overlap(was.conditions?.get(first), was.conditions?.get(second))) continue;
        if (textOfJson([...is.facts.get(first)!]) === textOfJson([...is.facts.get(second)!])) continue;
        changes.push({ kind: 'order', subject: first, aspect: 'asked', before: `before ${second}`, after: `after ${second}` });
      }
    });
  }
  return changes;
}

function byPlace(table: Table): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const [subject, { place }] of table.conditions ?? []) {
    const known = places.get(place);
    if (known === undefined) places.set(place, [subject]);
    else known.push(subject);
  }
  return places;
}

/** Whether some request may meet both conditions. */
function overlap(a: RouteCondition | undefined, b: RouteCondition | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  for (const [name, value] of a.exactHeaders) if (b.exactHeaders.has(name) && b.exactHeaders.get(name) !== value) return false;
  if (a.path === 'other' || b.path === 'other') return true;
  if (a.path === 'exact' && b.path === 'exact') return a.text === b.text;
  if (a.path === 'exact') return a.text.startsWith(b.text);
  if (b.path === 'exact') return b.text.startsWith(a.text);
  return a.text.startsWith(b.text) || b.text.startsWith(a.text);
}
