import { objectOf, objectsOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';

/** Headers that are about one connection or one message, so they never travel on. */
const OWN = new Set(['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'upgrade', 'te', 'x-call']);
const known = new WeakMap<Model, readonly string[]>();

/** Names, in lower case, of the headers that some VirtualService matches on. */
export function askedHeaders(model: Model): readonly string[] {
  const names = known.get(model) ?? [...new Set(model.of('VirtualService')
    .flatMap(rule => objectsOf(rule.spec.http)).flatMap(http => objectsOf(http.match))
    .flatMap(match => [...Object.keys(objectOf(match.headers)), ...Object.keys(objectOf(match.withoutHeaders))])
    .map(name => name.toLowerCase()))].filter(name => !name.startsWith(':') && !OWN.has(name)).sort();
  known.set(model, names);
  return names;
}
