import { compile, resourcesOfYaml } from './support';
import { inCidr } from '../../src/model/addresses';
import { buildModel } from '../../src/model/model';
import type { ProxyOptions } from '../../src/model/proxy';

const pod = (name: string, ip: string, network: string, labels: object = {}) => JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { 'app': 'stock', 'security.istio.io/tlsMode': 'istio', ...network === '' ? {} : { 'topology.istio.io/network': network }, ...labels } },
  spec: { containers: [{ name: 'app', image: 'x' }] },
  status: { podIP: ip, conditions: [{ type: 'Ready', status: 'True' }] },
});
const eastWest = (name: string, network: string, ips: string[], labels: object = {}, port = 15443) => JSON.stringify({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'istio-system', labels: { 'topology.istio.io/network': network, ...labels } },
  spec: { type: 'LoadBalancer', clusterIP: '10.96.3.1', ports: [{ name: 'tls', port }] },
  status: { loadBalancer: { ingress: ips.map(ip => ({ ip })) } },
});
const STOCK = `
apiVersion: v1
kind: Service
metadata: { name: stock, namespace: shop }
spec: { selector: { app: stock }, clusterIP: 10.96.1.2, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: dns, namespace: kube-system }
spec: { selector: { app: dns }, clusterIP: 10.96.1.3, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: dns, namespace: kube-system, labels: { app: dns } }
spec: { containers: [{ name: app, image: x }] }
status: { podIP: 10.1.0.9, conditions: [{ type: Ready, status: 'True' }] }
`;
const PODS = [pod('near', '10.1.0.1', 'near'), pod('far-1', '10.2.0.1', 'far'), pod('far-2', '10.2.0.2', 'far')];

const HOST = 'stock.shop.svc.cluster.local';
interface Setting extends ProxyOptions { readonly mesh?: Readonly<Record<string, unknown>>; readonly workload?: string }

/** `ADDRESS:PORT*WEIGHT`, `+mtls` where the endpoint is met by Istio's mutual TLS. */
function endpoints(documents: readonly string[], { mesh, workload = 'near.shop', ...options }: Setting = {}, cluster = `outbound|8000||${HOST}`): string[] {
  const model = buildModel(resourcesOfYaml(STOCK, ...documents), { meshConfig: mesh });
  const compiled = compile(model, workload, options);
  const assignment = compiled.endpoints.find(({ clusterName }) => clusterName === cluster);
  return (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) => lbEndpoints.map(({ hostIdentifier, loadBalancingWeight, metadata }) => {
    const { address } = (hostIdentifier.value as any).address;
    return `${address.value.address}:${address.value.portSpecifier.value}*${loadBalancingWeight}${metadata?.filterMetadata['envoy.transport_socket_match'] ? '+mtls' : ''}`;
  })).sort();
}

test('without a gateway every endpoint is dialled itself, whatever its network', () => {
  expect(endpoints(PODS)).toEqual(['10.1.0.1:8000*1+mtls', '10.2.0.1:8000*1+mtls', '10.2.0.2:8000*1+mtls']);
});

test('endpoints of another network stand behind its gateway, with all their weight', () => {
  const documents = [...PODS, eastWest('gate', 'far', ['198.51.100.1'])];
  expect(endpoints(documents)).toEqual(['10.1.0.1:8000*1+mtls', '198.51.100.1:15443*2+mtls']);
  expect(endpoints(documents, { workload: 'far-1.shop' })).toEqual(['10.1.0.1:8000*1+mtls', '10.2.0.1:8000*1+mtls', '10.2.0.2:8000*1+mtls']);
});

test('several gateways share it, and all weights are multiplied so that it divides', () => {
  const documents = [...PODS, eastWest('gate', 'far', ['198.51.100.1', '198.51.100.2'], { 'networking.istio.io/gatewayPort': '443' }, 443), eastWest('own', 'near', ['203.0.113.1', '203.0.113.2', '203.0.113.3'])];
  expect(endpoints(documents)).toEqual(['10.1.0.1:8000*6+mtls', '198.51.100.1:443*6+mtls', '198.51.100.2:443*6+mtls']);
});

test('what does not speak mutual TLS is out of reach behind a gateway', () => {
  const documents = [...PODS.slice(0, 2), pod('plain', '10.2.0.3', 'far', { 'security.istio.io/tlsMode': 'disabled' }), eastWest('gate', 'far', ['198.51.100.1'])];
  expect(endpoints(documents)).toEqual(['10.1.0.1:8000*1+mtls', '198.51.100.1:15443*1+mtls']);
  const off = 'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: off, namespace: shop }\nspec: { host: stock, trafficPolicy: { tls: { mode: DISABLE } } }';
  expect(endpoints([...documents, off])).toEqual(['10.1.0.1:8000*1']);
});

test('a gateway of one network sees its own endpoints only', () => {
  const gate = JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name: 'ew', namespace: 'istio-system' }, spec: { selector: { istio: 'eastwestgateway' }, servers: [{ port: { number: 15443, name: 'tls', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } }] } });
  const router = 'apiVersion: v1\nkind: Pod\nmetadata: { name: ew, namespace: istio-system, labels: { istio: eastwestgateway, topology.istio.io/network: far } }\nspec: { containers: [{ name: istio-proxy, image: x }] }\nstatus: { podIP: 10.2.0.9 }';
  const documents = [...PODS, eastWest('gate', 'far', ['198.51.100.1']), gate, router];
  const setting = { workload: 'ew.istio-system', metadata: { REQUESTED_NETWORK_VIEW: 'far' } };
  expect(endpoints(documents, setting, `outbound_.8000_._.${HOST}`)).toEqual(['10.2.0.1:8000*1+mtls', '10.2.0.2:8000*1+mtls']);
});

describe('a network is known', () => {
  const gateways = { gateways: [{ address: '198.51.100.1', port: 15443 }] };
  const unlabelled = [pod('near', '10.1.0.1', 'near'), pod('far-1', '10.2.0.1', '')];
  const expected = ['10.1.0.1:8000*1+mtls', '198.51.100.1:15443*1+mtls'];

  test('by the range that MeshNetworks gives it', () => {
    expect(endpoints(unlabelled, { mesh: { meshNetworks: { networks: { far: { endpoints: [{ fromCidr: '10.2.0.0/16' }], ...gateways } } } } })).toEqual(expected);
  });

  test('by the cluster that MeshNetworks gives it, which a Pod\'s label overrides', () => {
    expect(endpoints(unlabelled, { mesh: { meshNetworks: { networks: { far: { endpoints: [{ fromRegistry: 'Kubernetes' }], ...gateways } } } } })).toEqual(expected);
  });

  test('by the label of Istio\'s namespace, also for the proxy itself', () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: istio-system, labels: { topology.istio.io/network: near } }';
    expect(endpoints([namespace, pod('near', '10.1.0.1', ''), pod('far-1', '10.2.0.1', 'far'), eastWest('gate', 'far', ['198.51.100.1'])])).toEqual(expected);
  });

  test('by the ConfigMap of an installation, where gateways may be named by their Service', () => {
    const networks = { networks: { far: { endpoints: [{ fromCidr: '10.2.0.0/16' }], gateways: [{ registryServiceName: 'gate.istio-system.svc.cluster.local', port: 443 }] } } };
    const map = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { meshNetworks: JSON.stringify(networks) } });
    const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: gate, namespace: istio-system }\nspec: { externalIPs: [198.51.100.7], ports: [{ name: tls, port: 443 }] }';
    expect(endpoints([...unlabelled, map, service])).toEqual(['10.1.0.1:8000*1+mtls', '198.51.100.7:443*1+mtls']);
  });
});

test('a Service that does not listen on the gateway\'s port is no gateway, nor one whose balancer is of another type', () => {
  expect(endpoints([...PODS, eastWest('gate', 'far', ['198.51.100.1'], { 'networking.istio.io/gatewayPort': '443' })])).toHaveLength(3);
  expect(endpoints([...PODS, eastWest('gate', 'far', ['198.51.100.1']).replace('LoadBalancer', 'ClusterIP')])).toHaveLength(3);
});

test('a proxy of no known network takes the gateway of every network that has one', () => {
  const lost = 'apiVersion: v1\nkind: Pod\nmetadata: { name: lost, namespace: shop }\nspec: { containers: [{ name: app, image: x }] }\nstatus: { podIP: 10.3.0.1 }';
  expect(endpoints([...PODS, lost, eastWest('gate', 'far', ['198.51.100.1'])], { workload: 'lost.shop' })).toEqual(['10.1.0.1:8000*1+mtls', '198.51.100.1:15443*2+mtls']);
});

test('a gateway may be a NodePort of the nodes that an annotation selects', () => {
  const node = (name: string, role: string, addresses: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { role } }, status: { addresses } });
  const nodes = [
    node('a', 'edge', [{ type: 'InternalIP', address: '10.0.0.1' }, { type: 'ExternalIP', address: '192.0.2.1' }]),
    node('b', 'edge', [{ type: 'InternalIP', address: '10.0.0.2' }]), node('c', 'inner', [{ type: 'ExternalIP', address: '192.0.2.3' }]),
  ];
  const gate = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'gate', namespace: 'istio-system', labels: { 'topology.istio.io/network': 'far' }, annotations: { 'traffic.istio.io/nodeSelector': '{"role":"edge"}' } },
    spec: { type: 'NodePort', clusterIP: '10.96.3.1', ports: [{ name: 'tls', port: 15443, nodePort: 31443 }] },
  });
  expect(endpoints([...PODS, ...nodes, gate])).toEqual(['10.1.0.1:8000*1+mtls', '192.0.2.1:31443*2+mtls']);
  expect(endpoints([...PODS, ...nodes, gate.replace(/"role\\":/, 'role:')])).toHaveLength(3);
});

test('a gateway of another address family is out of reach', () => {
  expect(endpoints([...PODS, eastWest('gate', 'far', ['2001:db8::1'])])).toEqual(['10.1.0.1:8000*1+mtls']);
});

test('names that a resolver answers are not exchanged for gateways', () => {
  const entry = JSON.stringify({
    apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name: 'dns', namespace: 'shop' }, spec: { hosts: ['dns.example'], resolution: 'DNS', ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], endpoints: [{ address: 'a.example', network: 'far' }] },
  });
  const model = buildModel(resourcesOfYaml(STOCK, ...PODS, eastWest('gate', 'far', ['198.51.100.1']), entry));
  const cluster = compile(model, 'near.shop').clusters.find(({ name }) => name === 'outbound|80||dns.example');
  expect(JSON.stringify(cluster?.loadAssignment, (_, value) => (typeof value === 'bigint' ? String(value) : value))).toContain('a.example');
});

test('a gateway that has a name only cannot be dialled', () => {
  const named = eastWest('gate', 'far', []).replace('"ingress":[]', '"ingress":[{"hostname":"lb.example"}]');
  expect(endpoints([...PODS, named])).toHaveLength(3);
});

test('endpoints of some services serve their own cluster only', () => {
  const dns = 'outbound|8000||dns.kube-system.svc.cluster.local';
  const elsewhere = { metadata: { CLUSTER_ID: 'other' } };
  expect([endpoints(PODS, {}, dns), endpoints(PODS, elsewhere, dns), endpoints(PODS, elsewhere)].map(list => list.length)).toEqual([1, 0, 3]);
  const mesh = { serviceSettings: [{ settings: { clusterLocal: true }, hosts: ['*.shop.svc.cluster.local'] }, { settings: { clusterLocal: false }, hosts: ['*.kube-system.svc.cluster.local'] }] };
  expect([endpoints(PODS, { ...elsewhere, mesh }), endpoints(PODS, { ...elsewhere, mesh }, dns)].map(list => list.length)).toEqual([0, 1]);
});

test.each<[string, string, boolean]>([
  ['10.2.255.255', '10.2.0.0/16', true], ['10.3.0.0', '10.2.0.0/16', false], ['10.2.0.1', '10.2.0.1', true], ['10.2.0.2', '10.2.0.1/32', false], ['1.2.3.4', '0.0.0.0/0', true],
  ['2001:db8::1', '2001:db8::/32', true], ['2001:db9::1', '2001:db8::/32', false], ['::1', '::/0', true], ['::ffff:10.0.0.1', '::ffff:10.0.0.0/120', true],
  ['10.0.0.1', '::/0', false], ['name.example', '0.0.0.0/0', false], ['10.0.0.1', 'none', false],
])('%s in %s: %s', (address, cidr, within) => {
  expect(inCidr(address, cidr)).toBe(within);
});
