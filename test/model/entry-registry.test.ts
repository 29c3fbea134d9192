import { addressesOf, deployment, modelOf, service, serviceOf } from './support';

const entry = (name: string, spec: string, metadata = ''): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}${metadata}}
spec: ${spec}
`;
const HTTP = 'ports: [{number: 80, name: http, protocol: HTTP}]';

test('is one service for each host and address, over the same endpoints', () => {
  const model = modelOf(entry('far', `{hosts: [a.example, b.example], addresses: [192.0.2.1/32, 198.51.100.0/24], resolution: STATIC, ${HTTP}, endpoints: [{address: 203.0.113.1}]}`));
  expect(model.services.map(each => [each.hostname, each.address])).toEqual([
    ['a.example', '192.0.2.1'], ['a.example', '198.51.100.0/24'], ['b.example', '192.0.2.1'], ['b.example', '198.51.100.0/24'],
  ]);
  expect(addressesOf(model, 'a.example', 'http')).toEqual(['203.0.113.1:80']);
});

test.each([
  ['NONE', 'passthrough'], ['STATIC', 'client-side'], ['DNS', 'dns'], ['DNS_ROUND_ROBIN', 'dns-round-robin'], ['DYNAMIC_DNS', 'dynamic-dns'],
])('resolution %s', (resolution, meant) => {
  expect(serviceOf(modelOf(entry('far', `{hosts: [a.example], resolution: ${resolution}, ${HTTP}}`)), 'a.example').resolution).toBe(meant);
});

test('without resolution passes through, and is outside the mesh unless it says otherwise', () => {
  const of = (location: string): ReturnType<typeof serviceOf> => serviceOf(modelOf(entry('far', `{hosts: [a.example], ${HTTP}${location}}`)), 'a.example');
  expect(of('')).toMatchObject({ resolution: 'passthrough', meshExternal: true, registry: 'External', address: '0.0.0.0' });
  expect(of(', location: MESH_INTERNAL').meshExternal).toBe(false);
});

test('by DNS without endpoints looks its host up', () => {
  const model = modelOf(entry('far', '{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]}'));
  expect(model.endpointsOf(serviceOf(model, 'a.example'), 'http')).toMatchObject([{ address: 'a.example', port: 8080, tlsMode: 'disabled', workloadName: 'far' }]);
});

test('endpoints may have ports, weights, zones and identities of their own', () => {
  const model = modelOf(entry('far', `{hosts: [a.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], endpoints: [
    {address: 192.0.2.1, ports: {http: 8081}, weight: 3, locality: eu/eu-1, serviceAccount: far, labels: {version: v1}},
    {address: 192.0.2.2, labels: {istio-locality: us.us-1}}, {address: "unix:///run/a.sock"}]}`));
  expect(model.endpointsOf(serviceOf(model, 'a.example'), 'http')).toMatchObject([
    { address: '192.0.2.1', port: 8081, weight: 3, locality: 'eu/eu-1', serviceAccount: 'far', tlsMode: 'istio', labels: { version: 'v1' }, workloadName: 'far-0' },
    { address: '192.0.2.2', port: 8080, weight: 1, locality: 'us/us-1', tlsMode: 'disabled', workloadName: 'far-1' },
    { address: 'unix:///run/a.sock', port: 0 },
  ]);
});

test('round robin by DNS keeps the first endpoint of each port', () => {
  const model = modelOf(entry('far', `{hosts: [a.example], resolution: DNS_ROUND_ROBIN, ${HTTP}, endpoints: [{address: one.example}, {address: two.example}]}`));
  expect(addressesOf(model, 'a.example', 'http')).toEqual(['one.example:80']);
});

const VM = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm, labels: {version: v2}}
spec: {address: 192.0.2.9, labels: {app: shop, version: v1}, ports: {http: 18080}}
`;

test('selects WorkloadEntries and Pods of its namespace', () => {
  const model = modelOf(entry('far', `{hosts: [a.example], resolution: STATIC, ${HTTP}, workloadSelector: {labels: {app: shop}}}`) + VM + deployment('shop'));
  expect(addressesOf(model, 'a.example', 'http')).toEqual([`${model.workloads[0].ip}:80`, '192.0.2.9:18080']);
  // What is selected serves the entry's ports.
  expect(model.targetsOf(model.workloads[0]).map(target => [target.service.hostname, target.targetPort])).toEqual([['a.example', 80]]);
});

test('a Service selects WorkloadEntries as well, whose own labels win over those of their spec', () => {
  const model = modelOf(service('shop') + VM);
  expect(model.endpointsOf(serviceOf(model, 'shop.default.svc.cluster.local'), 'http')).toMatchObject([{ address: '192.0.2.9', port: 18080, labels: { version: 'v2' } }]);
});

test('a WorkloadEntry that fails its health check serves nothing', () => {
  const checked = VM.replace('labels: {version: v2}', 'annotations: {proxy.istio.io/health-checks-enabled: "true"}');
  expect(addressesOf(modelOf(service('shop') + checked), 'shop.default.svc.cluster.local', 'http')).toEqual([]);
});

test('a host that a Service has as well shares endpoints with it', () => {
  const model = modelOf(service('shop') + deployment('shop')
    + entry('more', `{hosts: [shop.default.svc.cluster.local], resolution: STATIC, ${HTTP}, endpoints: [{address: 192.0.2.1}]}`));
  const [first, second] = model.servicesByHost.get('shop.default.svc.cluster.local') ?? [];
  expect(model.endpointsOf(first, 'http')).toEqual(model.endpointsOf(second, 'http'));
  expect(addressesOf(model, 'shop.default.svc.cluster.local', 'http')).toEqual(['192.0.2.1:80', `${model.workloads[0].ip}:8080`]);
});

test('the address that Istio allocated is kept; one that it would allocate is stable', () => {
  const spec = `{hosts: [a.example], resolution: DNS, ${HTTP}}`;
  expect(serviceOf(modelOf(`${entry('far', spec)}status: {addresses: [{host: a.example, value: 240.240.0.9}, {host: a.example, value: "2001:2::9"}]}`), 'a.example'))
    .toMatchObject({ autoAddress: '240.240.0.9', autoAddressV6: '2001:2::9', address: '0.0.0.0' });
  const alone = serviceOf(modelOf(entry('far', spec)), 'a.example').autoAddress;
  expect(alone).toMatch(/^240\.240\./);
  expect(serviceOf(modelOf(entry('far', spec) + entry('b', `{hosts: [b.example], resolution: DNS, ${HTTP}}`)), 'a.example').autoAddress).toBe(alone);
  expect(serviceOf(modelOf(entry('far', `{hosts: [a.example], ${HTTP}}`)), 'a.example').autoAddress).toBeUndefined();
});
