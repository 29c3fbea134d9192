import { addressesOf, deployment, modelOf, service, serviceOf } from './support';

const HOST = 'shop.default.svc.cluster.local';

describe('a Service', () => {
  test('has its full name, its addresses and its ports', () => {
    const model = modelOf(service('shop', { more: ', clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7, "fd00::7"]' }));
    expect(serviceOf(model, HOST)).toMatchObject({
      name: 'shop',
      namespace: 'default',
      registry: 'Kubernetes',
      address: '10.0.0.7',
      addresses: ['10.0.0.7', 'fd00::7'],
      resolution: 'client-side',
      headless: false,
      ports: [{ name: 'http', number: 80, protocol: 'HTTP', targetPort: 8080 }],
      selector: { app: 'shop' },
      meshExternal: false,
      exportTo: [],
    });
  });

  test('without a cluster address gets one of the usual range', () => {
    const { address, addresses } = serviceOf(modelOf(service('shop')), HOST);
    expect(address).toMatch(/^10\.(9[6-9]|10\d|11[01])\.\d+\.\d+$/);
    expect(addresses).toEqual([address]);
  });

  test('that is headless has none', () => {
    expect(serviceOf(modelOf(service('shop', { more: ', clusterIP: None' })), HOST)).toMatchObject({ address: '0.0.0.0', addresses: [], headless: true, resolution: 'passthrough' });
  });

  test('of a foreign name is an alias', () => {
    const model = modelOf('apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {type: ExternalName, externalName: shop.example, ports: [{port: 80}]}');
    expect(serviceOf(model, HOST)).toMatchObject({ resolution: 'alias', externalName: 'shop.example', meshExternal: true, address: '0.0.0.0' });
    expect(addressesOf(model, HOST, '')).toEqual([]);
  });

  test('says in annotations who sees it and who may answer for it', () => {
    const model = modelOf(`apiVersion: v1
kind: Service
metadata:
  name: shop
  annotations:
    networking.istio.io/exportTo: ., other
    alpha.istio.io/kubernetes-serviceaccounts: vm
    alpha.istio.io/canonical-serviceaccounts: spiffe://far/id
spec: {internalTrafficPolicy: Local, trafficDistribution: PreferClose, ports: [{port: 80}]}
`);
    expect(serviceOf(model, HOST)).toMatchObject({
      exportTo: ['.', 'other'], allowedIdentities: ['spiffe://cluster.local/ns/default/sa/vm', 'spiffe://far/id'], nodeLocal: true, trafficDistribution: 'PreferSameZone',
    });
  });

  test('is listed by age, then by name', () => {
    const dated = (name: string, second: number): string => service(name).replace('metadata: {', `metadata: {creationTimestamp: "2026-01-01T00:00:0${second}Z", `);
    const model = modelOf(dated('zoo', 1) + dated('bar', 2) + dated('ape', 2));
    expect(model.services.map(each => each.name)).toEqual(['zoo', 'ape', 'bar']);
  });
});

describe('endpoints', () => {
  test('of a Deployment stand for its Pods', () => {
    const model = modelOf(service('shop') + deployment('shop', { labels: ', version: v1' }));
    const [endpoint] = model.endpointsOf(serviceOf(model, HOST), 'http');
    expect(endpoint).toMatchObject({
      address: model.workloads[0].ip,
      port: 8080,
      servicePortName: 'http',
      health: 'HEALTHY',
      weight: 1,
      workloadName: 'shop',
      serviceAccount: 'default',
      tlsMode: 'istio',
      labels: { 'app': 'shop', 'version': 'v1', 'topology.istio.io/cluster': 'Kubernetes' },
    });
  });

  test('of a Deployment scaled to zero are none', () => {
    const model = modelOf(service('shop') + deployment('shop', { more: 'replicas: 0' }));
    expect(addressesOf(model, HOST, 'http')).toEqual([]);
    expect(model.workloads).toEqual([]);
  });

  test('of Pods replace those of their Deployment', () => {
    const model = modelOf(`${service('shop')}${deployment('shop')}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.1.0.1, conditions: [{type: Ready, status: "False"}]}
`);
    expect(model.workloads.map(workload => `${workload.kind} ${workload.name}`)).toEqual(['Pod shop-1']);
    // A Pod that runs without the injector's label speaks no mutual TLS.
    expect(model.endpointsOf(serviceOf(model, HOST), 'http')).toMatchObject([{ address: '10.1.0.1', port: 8080, health: 'UNHEALTHY', tlsMode: 'disabled' }]);
  });

  const slice = `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: 9999}]
endpoints:
- {addresses: [10.2.0.1]}
- {addresses: [10.2.0.2], conditions: {ready: false, terminating: false}}
- {addresses: [10.2.0.3], conditions: {ready: false, terminating: true, serving: true}}
- {addresses: [10.2.0.4], targetRef: {kind: Pod, name: unknown}}
- {addresses: [10.2.0.5], conditions: {ready: false}}
- {addresses: [10.2.0.1]}
`;

  test('of EndpointSlices count before all others; those that terminate, or may, or whose Pod is unknown are left out, and each is taken once', () => {
    const model = modelOf(service('shop') + deployment('shop') + slice);
    expect(model.endpointsOf(serviceOf(model, HOST), 'http').map(({ address, port, health }) => [address, port, health]))
      .toEqual([['10.2.0.1', 9999, 'HEALTHY'], ['10.2.0.2', 9999, 'UNHEALTHY']]);
  });

  test('drain where the Service asks for persistent sessions', () => {
    const model = modelOf(service('shop').replace('metadata: {', 'metadata: {labels: {istio.io/persistent-session: x}, ') + slice);
    expect(model.endpointsOf(serviceOf(model, HOST), 'http')[2]).toMatchObject({ address: '10.2.0.3', health: 'DRAINING' });
  });

  test('of a Service without selector are those of its Endpoints', () => {
    const model = modelOf(`apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: shop}
subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{name: http, port: 8081}]}]
`);
    expect(addressesOf(model, HOST, 'http')).toEqual(['192.0.2.1:8081']);
  });

  test('reach a container port by its name; a workload without that name serves nothing', () => {
    const named = service('shop', { ports: '{name: http, port: 80, targetPort: web}' });
    expect(addressesOf(modelOf(named + deployment('shop', { port: '{name: web, containerPort: 3000}' })), HOST, 'http')[0]).toMatch(/:3000$/);
    expect(addressesOf(modelOf(named + deployment('shop')), HOST, 'http')).toEqual([]);
  });

  test('are where somebody really runs the workload', () => {
    const placement = new Map([['default/shop', { ip: '127.0.0.1', ports: { 8080: 41234 } }]]);
    const model = modelOf(service('shop') + deployment('shop'), { placement });
    expect(addressesOf(model, HOST, 'http')).toEqual(['127.0.0.1:41234']);
    expect(model.workloads[0]).toMatchObject({ ip: '127.0.0.1', ips: ['127.0.0.1'], placed: true, listenPorts: { 8080: 41234 } });
  });

  test('know the zone of their Node', () => {
    const model = modelOf(`${service('shop')}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1}}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {nodeName: n1, containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-2, labels: {app: shop, istio-locality: us.us-2}}
spec: {nodeName: n1, containers: []}
`);
    expect(model.endpointsOf(serviceOf(model, HOST), 'http').map(endpoint => endpoint.locality)).toEqual(['eu/eu-1', 'us/us-2']);
  });
});

describe('mutual TLS of a workload that is only written down', () => {
  const tlsMode = (text: string): string | undefined => {
    const model = modelOf(service('shop') + text);
    return model.endpointsOf(serviceOf(model, HOST), 'http')[0]?.tlsMode;
  };
  const namespace = (labels: string): string => `\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {${labels}}}\n`;

  test.each([
    ['in a namespace that is not described', '', '', 'istio'],
    ['in a namespace with injection', 'istio-injection: enabled', '', 'istio'],
    ['in a namespace of a revision', 'istio.io/rev: canary', '', 'istio'],
    ['in a namespace without injection', 'team: a', '', 'disabled'],
    ['that asks for it there', 'team: a', ', sidecar.istio.io/inject: "true"', 'istio'],
    ['that refuses it', 'istio-injection: enabled', ', sidecar.istio.io/inject: "false"', 'disabled'],
  ])('%s', (_case, home, labels, mode) => {
    expect(tlsMode(deployment('shop', { labels }) + (home === '' ? '' : namespace(home)))).toBe(mode);
  });
});

describe('services of a workload', () => {
  test('are those that select it, oldest first, with the port each one reaches', () => {
    const model = modelOf(service('shop') + service('shop-admin', { ports: '{name: http, port: 81, targetPort: 8081}' }).replace('app: shop-admin', 'app: shop')
      + service('other') + deployment('shop'));
    expect(model.targetsOf(model.workloads[0]).map(target => [target.service.name, target.port.number, target.targetPort])).toEqual([['shop-admin', 81, 8081], ['shop', 80, 8080]]);
  });

  test('are found by address where none selects it', () => {
    const model = modelOf(`apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: 9999}]
endpoints: [{addresses: [10.2.0.1]}]
---
apiVersion: v1
kind: Pod
metadata: {name: lone}
spec: {containers: []}
status: {podIP: 10.2.0.1}
`);
    expect(model.targetsOf(model.workloads[0]).map(target => [target.service.name, target.targetPort])).toEqual([['shop', 9999]]);
  });
});
