import * as fc from 'fast-check';
import { indexResources } from '../../src/model/index-resources';
import { buildModel } from '../../src/model/model';
import type { Model } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';

const service = (name: string, port = 9080): Resource => resourcesOf([
  { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ name: 'http', port }] } },
])[0]!;
const pod = (app: string, number: number): Resource => resourcesOf([
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${app}-${number}`, labels: { app } }, spec: { containers: [{ name: 'app', image: 'app' }] } },
])[0]!;
const rule = (host: string): Resource => resourcesOf([
  { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: host }, spec: { hosts: [host] } },
])[0]!;

const base = [service('reviews'), service('ratings'), pod('reviews', 1), pod('ratings', 1), rule('reviews'), rule('ratings')];
const before = buildModel(base);
const named = (model: Model, name: string) => model.services.find(each => each.name === name)!;

test('a changed rule leaves all else as it was', () => {
  const after = buildModel([...base.slice(0, 5), rule('ratings')], {}, before);
  expect(after.of('VirtualService')).not.toBe(before.of('VirtualService'));
  expect(after.of('Service')).toBe(before.of('Service'));
  expect(after.services).toBe(before.services);
  expect(after.workloads).toBe(before.workloads);
  expect(after.config).toBe(before.config);
});

test('a further Pod changes the endpoints of its own service only', () => {
  const after = buildModel([...base, pod('reviews', 2)], {}, before);
  expect(after.services).toBe(before.services);
  expect(after.workloads).toHaveLength(3);
  expect(after.endpointsOf(named(after, 'reviews'), 'http')).toHaveLength(2);
  expect(after.endpointsOf(named(after, 'ratings'), 'http')).toBe(before.endpointsOf(named(before, 'ratings'), 'http'));
});

test('a changed service is another one, the others are the same', () => {
  const after = buildModel([service('reviews', 9090), ...base.slice(1)], {}, before);
  expect(named(after, 'reviews').ports[0]!.number).toBe(9090);
  expect(named(after, 'ratings')).toBe(named(before, 'ratings'));
});

test('options count as well as resources', () => {
  const after = buildModel(base, { domain: 'example.local', placement: new Map([['default/reviews-1', { ip: '127.0.0.9' }]]) }, before);
  expect(named(after, 'reviews').hostname).toBe('reviews.default.svc.example.local');
  expect(after.endpointsOf(named(after, 'reviews'), 'http')[0]!.address).toBe('127.0.0.9');
  const renamed = buildModel(base, { meshConfig: { trustDomain: 'example' } }, before);
  expect(renamed.config.trustDomain).toBe('example');
});

test('an index that follows another lists the same as one made from nothing', () => {
  const pool = Array.from({ length: 24 }, (_, index) => (index % 3 === 0 ? rule(`r-${index % 8}`) : service(`s-${index % 12}`, 9000 + index)));
  const list = fc.array(fc.constantFrom(...pool), { maxLength: 30 });
  const edit = fc.record({ at: fc.nat(30), gone: fc.nat(3), come: fc.array(fc.constantFrom(...pool), { maxLength: 3 }) });
  fc.assert(fc.property(list, fc.array(edit, { maxLength: 6 }), (first, edits) => {
    let resources = first;
    let index = indexResources(resources);
    for (const { at, gone, come } of edits) {
      resources = [...resources.slice(0, at), ...come, ...resources.slice(at + gone)];
      index = indexResources(resources, index);
      const scratch = indexResources(resources);
      for (const kind of ['Service', 'VirtualService', 'VirtualService.networking.istio.io', 'Gateway']) expect(index(kind)).toEqual(scratch(kind));
    }
  }), { numRuns: 300 });
});
