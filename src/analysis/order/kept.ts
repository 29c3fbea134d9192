import { objectOf, objectsOf, textsOf } from '../../model/json';
import type { Json } from '../../model/json';

/** Lists of which a member can stay a while longer, by kind, with how a member is named. */
const LISTS: Readonly<Record<string, readonly { readonly field: string; readonly word: string; readonly key: string }[]>> = {
  DestinationRule: [{ field: 'subsets', word: 'subset', key: 'name' }],
  Service: [{ field: 'ports', word: 'port', key: 'port' }],
  ServiceEntry: [{ field: 'ports', word: 'port', key: 'number' }],
};

/** The later manifest with those members of the earlier one that give what is `lost`; undefined where none can be kept. */
export function kept(was: Json, is: Json, lost: readonly string[]): { readonly keeps: readonly string[]; readonly manifest: Json } | undefined {
  const keeps: string[] = [];
  const spec: Record<string, unknown> = { ...objectOf(is.spec) };
  for (const { field, word, key } of LISTS[String(is.kind)] ?? []) {
    const names = new Set(lost.filter(text => text.startsWith(`${word} `)).map(text => text.slice(text.lastIndexOf(' ') + 1)));
    const more = objectsOf(objectOf(was.spec)[field]).filter(member => names.has(String(member[key])));
    if (more.length === 0) continue;
    keeps.push(...more.map(member => `${word} ${String(member[key])}`));
    spec[field] = [...objectsOf(spec[field]), ...more];
  }
  if (is.kind === 'ServiceEntry') {
    const hosts = textsOf(objectOf(was.spec).hosts).filter(host => lost.includes(`host ${host}`));
    keeps.push(...hosts.map(host => `host ${host}`));
    spec.hosts = [...textsOf(spec.hosts), ...hosts];
  }
  return keeps.length === 0 ? undefined : { keeps: keeps.sort(), manifest: { ...is, spec } };
}
