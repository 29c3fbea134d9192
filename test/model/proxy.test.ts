import { deployment, modelOf, service } from './support';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { parseMeshConfig } from '../../src/model/mesh-config';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import { proxyFromNode, proxyOf } from '../../src/model/proxy';

const NODE = { id: 'sidecar~10.1.0.1~shop-1.prod~prod.svc.cluster.local', metadata: { LABELS: { app: 'shop' }, ISTIO_VERSION: '1.30.0', INSTANCE_IPS: '10.1.0.1,fd00::1' } };

test('a node says what its proxy is', () => {
  expect(proxyFromNode({ ...NODE, locality: { region: 'eu', zone: 'eu-1' } })).toMatchObject({
    type: 'sidecar',
    name: 'shop-1',
    namespace: 'prod',
    ips: ['10.1.0.1', 'fd00::1'],
    dnsDomain: 'prod.svc.cluster.local',
    locality: 'eu/eu-1',
    capture: 'iptables',
    dialect: 'istio',
    labels: { 'app': 'shop', 'topology.kubernetes.io/zone': 'eu-1', 'topology.istio.io/cluster': 'Kubernetes' },
    serviceAccount: 'default',
  });
});

test('without Istio’s version a proxy is a stock Envoy; its capture mode is in the metadata', () => {
  expect(proxyFromNode({ id: NODE.id, metadata: { CAPTURE: 'explicit', NAMESPACE: 'prod' } })).toMatchObject({ dialect: 'stock', capture: 'explicit', ips: ['10.1.0.1'] });
});

test('the registry knows better than the node where its Pod is', () => {
  const model = modelOf(`apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1}}
---
apiVersion: v1
kind: Pod
metadata: {name: shop-1, namespace: prod, labels: {app: shop}}
spec: {nodeName: n1, serviceAccountName: shop, containers: []}
status: {podIP: 10.1.0.1}
`);
  expect(proxyFromNode({ ...NODE, locality: { region: 'us' } }, model)).toMatchObject({ locality: 'eu/eu-1', serviceAccount: 'shop' });
});

test.each([
  ['sidecar~10.1.0.1~shop', 'a node id reads TYPE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN, four parts, got "sidecar~10.1.0.1~shop"; write it so in node.id of the bootstrap'],
  ['ztunnel~10.1.0.1~shop.prod~prod.svc.cluster.local', 'a node id reads TYPE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN where TYPE is sidecar or router, got "ztunnel~10.1.0.1~shop.prod~prod.svc.cluster.local"; begin it with one of these'],
  ['sidecar~shop~shop.prod~prod.svc.cluster.local', 'a node id reads TYPE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN where IP is an address, got "sidecar~shop~shop.prod~prod.svc.cluster.local"; put the Pod\'s address there'],
  ['sidecar~10.1.0.1~shop~prod.svc.cluster.local', 'a node id reads TYPE~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN where the third part names Pod and namespace, got "sidecar~10.1.0.1~shop~prod.svc.cluster.local"; write POD.NAMESPACE there'],
])('the node id %s is refused', (id, message) => {
  expect(() => proxyFromNode({ id })).toThrow(new Error(`MESH_NODE_INVALID: ${message}`));
});

test('the proxy of a workload is the one that its bootstrap would describe', () => {
  const model = modelOf(service('shop') + deployment('shop', { labels: ', version: v1' }));
  const proxy = proxyOf(model, model.workloads[0]);
  expect(proxy).toMatchObject({ type: 'sidecar', id: `sidecar~${model.workloads[0].ip}~shop.default~default.svc.cluster.local`, workload: 'shop', capture: 'iptables', dialect: 'istio' });
  expect(proxyFromNode(proxy, model)).toEqual(proxy);
  expect(model.workloadOf(proxy)).toBe(model.workloads[0]);
});

test('explicit capture is written into the metadata, and means stock Envoy', () => {
  const model = modelOf(deployment('shop'));
  const proxy = proxyOf(model, model.workloads[0], { capture: 'explicit', explicit: { addressBlock: '127.7.0.0/16', appPorts: { 8080: 41234 }, httpProxyPort: 15080 }, metadata: { DNS_CAPTURE: 'true' } });
  expect(proxy).toMatchObject({ capture: 'explicit', dialect: 'stock' });
  expect(proxy.metadata).toMatchObject({ CAPTURE: 'explicit', ADDRESS_BLOCK: '127.7.0.0/16', APP_PORTS: '{"8080":"41234"}', HTTP_PROXY_PORT: '15080', DNS_CAPTURE: 'true' });
  expect(proxy.metadata.ISTIO_VERSION).toBeUndefined();
});

test('a proxy without Pod is what it says of itself; its labels find its services', () => {
  const model = modelOf(service('shop', { namespace: 'prod' }));
  const workload = model.workloadOf(proxyFromNode(NODE));
  expect(workload).toMatchObject({ kind: 'Proxy', name: 'shop-1', namespace: 'prod', ip: '10.1.0.1', gateway: false });
  expect(model.targetsOf(workload).map(target => [target.service.name, target.targetPort])).toEqual([['shop', 8080]]);
});

test('a proxy outside Kubernetes is its WorkloadEntry', () => {
  const model = modelOf(`${service('shop', { namespace: 'prod' })}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm, namespace: prod}
spec: {address: 10.1.0.1, labels: {app: shop}, ports: {http: 18080}, locality: eu/eu-1}
`);
  const proxy = proxyFromNode({ id: NODE.id }, model);
  expect(proxy).toMatchObject({ locality: 'eu/eu-1', labels: { app: 'shop' } });
  expect(model.targetsOf(model.workloadOf(proxy)).map(target => target.targetPort)).toEqual([18080]);
});

describe('gateways that a directory takes for granted', () => {
  const gateway = (name: string, selector: string, port: number, protocol = 'HTTP'): string => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}}
spec: {selector: {${selector}}, servers: [{port: {number: ${port}, name: p, protocol: ${protocol}}, hosts: ["*"]}]}
`;
  const complete = (text: string): ReturnType<typeof withGatewayWorkloads> => withGatewayWorkloads(parseManifests(text).resources);

  test('are added as Istio installs them', () => {
    const { resources, added } = complete(gateway('a', 'istio: ingressgateway', 80) + gateway('b', 'istio: ingressgateway', 31400, 'TCP'));
    expect(added).toEqual(['Deployment/istio-system/istio-ingressgateway']);
    const model = buildModel(resources);
    const [workload] = model.workloads;
    expect(workload).toMatchObject({ name: 'istio-ingressgateway', namespace: 'istio-system', gateway: true, labels: { app: 'istio-ingressgateway', istio: 'ingressgateway' } });
    expect(proxyOf(model, workload).type).toBe('router');
    expect(model.targetsOf(workload).map(({ port, targetPort }) => [port.name, port.number, targetPort])).toEqual([['http2', 80, 8080], ['https', 443, 8443], ['tcp-31400', 31400, 31400]]);
  });

  test('are one where the selector of one covers another', () => {
    expect(complete(gateway('a', 'app: edge', 80) + gateway('b', 'app: edge, tier: x', 8000)).added).toEqual(['Deployment/istio-system/edge']);
  });

  test('are not added where a workload is selected, nor without selector', () => {
    expect(complete(gateway('a', 'app: edge', 80) + deployment('edge', { namespace: 'infra' })).added).toEqual([]);
    expect(complete(gateway('a', '', 80)).added).toEqual([]);
  });

  test('do not take a name that another object has', () => {
    expect(complete(gateway('a', 'istio: edge', 80) + service('istio-edge', { namespace: 'istio-system' })).added).toEqual(['Deployment/istio-system/istio-edge-2']);
  });
});

describe('MeshConfig', () => {
  test('has Istio’s defaults, and metrics as an installation has them', () => {
    expect(parseMeshConfig()).toMatchObject({
      rootNamespace: 'istio-system',
      trustDomain: 'cluster.local',
      connectTimeoutMs: 10_000,
      dnsRefreshRateMs: 60_000,
      enableAutoMtls: true,
      outboundTrafficPolicy: 'ALLOW_ANY',
      accessLogFile: '',
      enableTracing: true,
      defaultServiceExportTo: ['*'],
      proxyListenPort: 15001,
      proxyInboundListenPort: 15006,
      defaultMetricsProviders: ['prometheus'],
    });
    expect(parseMeshConfig({}).defaultMetricsProviders).toEqual([]);
  });

  test('keeps false and zero apart from nothing; a list without values is nothing', () => {
    expect(parseMeshConfig({ enableAutoMtls: false, enableTracing: false, defaultConfig: { tracing: { sampling: 0 } }, defaultServiceExportTo: [], connectTimeout: '0s' }))
      .toMatchObject({ enableAutoMtls: false, enableTracing: false, defaultServiceExportTo: ['*'], connectTimeoutMs: 0 });
  });

  test('is read from the ConfigMap of an installation', () => {
    const map = (mesh: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: ${JSON.stringify(mesh)}}\n`;
    expect(modelOf(map('outboundTrafficPolicy: {mode: REGISTRY_ONLY}')).config.outboundTrafficPolicy).toBe('REGISTRY_ONLY');
    expect(() => modelOf(map('connectTimeout: ten seconds'))).toThrow('[app.yaml:4] MESH_DURATION_INVALID: connectTimeout must be a duration');
    expect(() => modelOf(map('[')).config).toThrow('[app.yaml:4] MESH_YAML_SYNTAX: data.mesh of ConfigMap istio must be YAML of a MeshConfig');
    expect(modelOf(map('outboundTrafficPolicy: {mode: REGISTRY_ONLY}'), { meshConfig: {} }).config.outboundTrafficPolicy).toBe('ALLOW_ANY');
  });
});
