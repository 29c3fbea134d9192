import * as fc from 'fast-check';
import { mostSpecific } from '../../src/compiler/host-table';
import { mostSpecificHost } from '../../src/model/hosts';

const label = fc.constantFrom('a', 'b', 'example', 'com');
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map(labels => labels.join('.'));
const key = fc.oneof(host, host.map(name => `*.${name}`), host.map(name => `*${name}`), fc.constant('*'));

test('the fast table finds the key that the plain definition of "most specific" names', () => {
  fc.assert(fc.property(fc.uniqueArray(key, { maxLength: 12 }), key, (keys, wanted) => {
    const table = new Map(keys.map(name => [name, name]));
    expect(mostSpecific(wanted, table)).toBe(mostSpecificHost(wanted, table));
  }), { numRuns: 500 });
});
