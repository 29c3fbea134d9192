import fc from 'fast-check';
import { deployment, service } from './support';
import { assignAddresses, SERVICE_BLOCK } from '../../src/model/assign';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}\/[a-z]{1,6}$/), { minLength: 1, maxLength: 40 });

test('everyone gets an address of the block, nobody another’s nor one that is taken', () => {
  fc.assert(fc.property(names, (keys) => {
    const taken = new Set(['10.96.0.1', '10.97.1.1']);
    const assigned = assignAddresses(keys, SERVICE_BLOCK, taken);
    const addresses = [...assigned.values()];
    expect(assigned.size).toBe(keys.length);
    expect(new Set([...addresses, ...taken]).size).toBe(keys.length + taken.size);
    for (const address of addresses) expect(address).toMatch(/^10\.(9[6-9]|10\d|11[01])\.\d+\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/);
  }));
});

test('the order of the names does not matter', () => {
  fc.assert(fc.property(names, (keys) => {
    const assigned = assignAddresses(keys, SERVICE_BLOCK, new Set());
    expect(assignAddresses([...keys].reverse(), SERVICE_BLOCK, new Set())).toEqual(assigned);
  }));
});

test('one more name moves nobody whose address it or its chain does not take', () => {
  // A small block, so that names often meet.
  const block = { base: [10, 0, 0, 0], size: 100 } as const;
  fc.assert(fc.property(names, fc.stringMatching(/^[a-z]{3}\/[a-z]{3}$/), (keys, newcomer) => {
    const before = assignAddresses(keys, block, new Set());
    const after = assignAddresses([...keys, newcomer], block, new Set());
    const held = new Set(after.values());
    for (const key of keys) if (before.get(key) !== after.get(key)) expect(held.has(before.get(key) ?? '')).toBe(true);
  }));
  const many = Array.from({ length: 200 }, (_, index) => `default/service-${index}`);
  const before = assignAddresses(many, SERVICE_BLOCK, new Set());
  const after = assignAddresses([...many, 'default/another'], SERVICE_BLOCK, new Set());
  expect(many.filter(key => before.get(key) !== after.get(key))).toEqual([]);
});

test('a full block leaves the rest without, and does not hang', () => {
  const assigned = assignAddresses(['a', 'b', 'c'], { base: [10, 0, 0, 0], size: 3 }, new Set());
  expect([...assigned.values()].sort()).toEqual(['10.0.0.1', '10.0.0.2']);
});

test('a model does not depend on the order of its resources', () => {
  const text = ['a', 'b', 'c', 'd'].map(name => service(name) + deployment(name)).join('');
  const { resources } = parseManifests(text);
  const picture = (order: typeof resources): unknown => {
    const model = buildModel(order);
    const endpoints = model.services.map(each => each.ports.map(port => model.endpointsOf(each, port.name)));
    return [model.services, model.workloads, endpoints, model.workloads.map(model.targetsOf)];
  };
  const expected = JSON.stringify(picture(resources));
  fc.assert(fc.property(fc.shuffledSubarray(resources, { minLength: resources.length }), (order) => {
    expect(JSON.stringify(picture(order))).toBe(expected);
  }), { numRuns: 25 });
});

test('of an object written twice the last one in the files counts, whichever was read first', () => {
  const first = parseManifests(service('shop', { more: ', clusterIP: 10.0.0.1' }), 'a.yaml').resources;
  const last = parseManifests(service('shop', { more: ', clusterIP: 10.0.0.2' }), 'b.yaml').resources;
  for (const order of [[...first, ...last], [...last, ...first]]) expect(buildModel(order).services.map(each => each.address)).toEqual(['10.0.0.2']);
});
