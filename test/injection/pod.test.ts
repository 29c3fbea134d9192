import { deployment, injected, proxyOf, variable } from './pods';
import { inject, sumOf } from '../../src/injection';
import type { InjectionOptions } from '../../src/injection';

const names = (containers: readonly { name: string }[] | undefined) => containers?.map(({ name }) => name);
const skips = (objects: unknown[], options?: InjectionOptions) => inject(objects, options).workloads.map(({ skipped }) => skipped);
const namespace = (labels: Record<string, string>) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default', labels } });

describe('who gets a sidecar', () => {
  const INJECT = 'sidecar.istio.io/inject';

  test('everybody but those who decline; the label wins over the annotation, other words count as absent', () => {
    expect(skips([
      deployment(),
      deployment({ labels: { [INJECT]: 'false' } }),
      deployment({ annotations: { [INJECT]: 'false' } }),
      deployment({ labels: { [INJECT]: 'true' }, annotations: { [INJECT]: 'false' } }),
      deployment({ labels: { [INJECT]: 'no' } }),
    ])).toEqual([undefined, `label ${INJECT} is "false"`, `annotation ${INJECT} is "false"`, undefined, undefined]);
  });

  test('nobody on the network of a host', () => {
    expect(skips([deployment({ spec: { hostNetwork: true }, labels: { [INJECT]: 'true' } })])).toEqual(['it uses the network of its host (hostNetwork), whose traffic is not its own']);
  });

  test.each<[string, Record<string, string>, Record<string, string>, string, string | undefined]>([
    ['a namespace that asks', { 'istio-injection': 'enabled' }, {}, 'default', undefined],
    ['a Pod that declines there', { 'istio-injection': 'enabled' }, { [INJECT]: 'false' }, 'default', `label ${INJECT} is "false"`],
    ['a namespace that declines, whatever its Pods say', { 'istio-injection': 'disabled' }, { [INJECT]: 'true' }, 'default', 'namespace default has label istio-injection: disabled'],
    ['no label at all', {}, {}, 'default', 'neither it nor namespace default asks for a sidecar'],
    ['a Pod that asks', {}, { [INJECT]: 'true' }, 'default', undefined],
    ['a namespace of the revision', { 'istio.io/rev': 'blue' }, {}, 'blue', undefined],
    ['a namespace of another revision', { 'istio.io/rev': 'green' }, {}, 'blue', 'namespace default belongs to revision green'],
    ['a Pod of the revision', {}, { 'istio.io/rev': 'blue' }, 'blue', undefined],
    ['a Pod of another revision', {}, { 'istio.io/rev': 'green' }, 'blue', 'it asks for revision green'],
    ['istio-injection, which means the default revision', { 'istio-injection': 'enabled' }, {}, 'blue', 'namespace default belongs to revision default (istio-injection: enabled), not to blue'],
  ])('by labels: %s', (_case, labels, podLabels, revision, skipped) => {
    expect(skips([namespace(labels), deployment({ labels: podLabels })], { selection: 'labels', revision })).toEqual([skipped]);
    expect(skips([deployment({ labels: podLabels })], { selection: 'labels', revision, namespaceLabels: { default: labels } })).toEqual([skipped]);
  });

  test('nobody in Kubernetes\' own namespaces', () => {
    expect(skips([deployment({ metadata: { namespace: 'kube-system' } })], { selection: 'labels', namespaceLabels: { 'kube-system': { 'istio-injection': 'enabled' } } }))
      .toEqual(['namespace kube-system is Kubernetes\' own']);
  });

  test('a workload of an old version, or of OpenShift, as well', () => {
    const { template } = deployment().spec as { template: object };
    const old = (apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: { name: 'web' }, spec: { template } });
    expect(skips([old('extensions/v1beta1', 'Deployment'), old('apps/v1beta2', 'StatefulSet'), old('apps.openshift.io/v1', 'DeploymentConfig')])).toEqual([undefined, undefined, undefined]);
    const [made] = inject([old('apps.openshift.io/v1', 'DeploymentConfig')]).objects as [{ spec: object; status: object }];
    expect(made.spec).toMatchObject({ strategy: { resources: {} }, replicas: 0, test: false, triggers: null });
    const none = { replicas: 0, updatedReplicas: 0, availableReplicas: 0, unavailableReplicas: 0 };
    expect(made.status).toEqual({ latestVersion: 0, observedGeneration: 0, ...none });
    const foreign = { apiVersion: 'batch.volcano.sh/v1alpha1', kind: 'Job', metadata: { name: 'x' } };
    expect(inject([foreign]).objects[0]).toBe(foreign);
  });

  test('a workload without a Pod template', () => {
    expect(() => inject([{ apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'x' }, spec: {} }])).toThrow(new Error(
      '[ReplicationController/default/x] MESH_FIELD_REQUIRED: a workload has spec.template, got none; write the template of its Pods',
    ));
  });

  test('other objects are the very ones that were given', () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } };
    const rollout = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', metadata: { name: 'x' } };
    expect(inject([service, 'text', null, rollout])).toEqual({ objects: [service, 'text', null, rollout], workloads: [] });
    expect(inject([service]).objects[0]).toBe(service);
  });
});

describe('order', () => {
  const spec = { initContainers: [{ name: 'prepare', image: 'p' }] };
  test('the proxy last; capture after the application\'s own init containers', () => {
    expect(names(injected({ spec }).spec.containers)).toEqual(['web', 'istio-proxy']);
    expect(names(injected({ spec }).spec.initContainers)).toEqual(['prepare', 'istio-init']);
  });
  test('the proxy first where the application waits for it', () => {
    expect(names(injected({ spec }, { values: { global: { proxy: { holdApplicationUntilProxyStarts: true } } } }).spec.containers)).toEqual(['istio-proxy', 'web']);
  });
  test('the CNI check first', () => {
    expect(names(injected({ spec }, { values: { pilot: { cni: { enabled: true } } } }).spec.initContainers)).toEqual(['istio-validation', 'prepare']);
  });
  test('a native proxy before them; the annotation wins over the default', () => {
    expect(names(injected({ spec }, { nativeSidecar: true }).spec.initContainers)).toEqual(['istio-init', 'istio-proxy', 'prepare']);
    expect(names(injected({ spec, annotations: { 'sidecar.istio.io/nativeSidecar': 'false' } }, { nativeSidecar: true }).spec.containers)).toEqual(['web', 'istio-proxy']);
  });
});

describe('the author\'s own istio-proxy', () => {
  const own = { name: 'istio-proxy', image: 'auto', args: ['mine'], env: [{ name: 'MORE', value: '1' }], resources: { limits: { cpu: '3' } }, securityContext: { runAsUser: 2000 } };
  test.each([false, true])('wins field by field and is remembered; native %s', (nativeSidecar) => {
    const pod = injected({ spec: { containers: [{ name: 'web', image: 'w' }, own] } }, { nativeSidecar });
    expect(proxyOf(pod)).toMatchObject({ image: 'docker.io/istio/proxyv2:1.31.1', args: ['mine'], resources: { limits: { cpu: '3', memory: '1Gi' } }, securityContext: { runAsUser: 2000, runAsGroup: 1337 } });
    expect(variable(proxyOf(pod), 'MORE')).toBe('1');
    expect(variable(proxyOf(pod), 'ISTIO_META_APP_CONTAINERS')).toBe('web');
    const capture = pod.spec.initContainers![0];
    expect(capture.args![capture.args!.indexOf('-u') + 1]).toBe('2000');
    expect(Object.keys(JSON.parse(pod.metadata.annotations!['proxy.istio.io/overrides']) as object)).toEqual([nativeSidecar ? 'initContainers' : 'containers']);
  });
});

describe('probes', () => {
  test('of init containers, with time limits, by name of a port, and by exec', () => {
    const pod = injected({
      container: { ports: [{ name: 'http', containerPort: 80 }], readinessProbe: { tcpSocket: { port: 'http' }, timeoutSeconds: 4 }, livenessProbe: { exec: { command: ['true'] } }, startupProbe: { httpGet: { port: 'gone' } } },
      spec: { initContainers: [{ name: 'helper', image: 'h', restartPolicy: 'Always', startupProbe: { grpc: { port: 5, service: 'health' } } }] },
    });
    expect(JSON.parse(variable(proxyOf(pod), 'ISTIO_KUBE_APP_PROBERS') as string)).toEqual({
      '/app-health/helper/startupz': { grpc: { port: 5, service: 'health' } },
      '/app-health/web/readyz': { tcpSocket: { port: 80 }, timeoutSeconds: 4 },
    });
    expect(pod.spec.containers[0]).toMatchObject({ readinessProbe: { httpGet: { path: '/app-health/web/readyz', port: 15020 }, timeoutSeconds: 4 }, livenessProbe: { exec: { command: ['true'] } } });
    expect(pod.spec.initContainers![0].startupProbe).toEqual({ httpGet: { path: '/app-health/helper/startupz', port: 15020 } });
  });

  test('characters that Go escapes in JSON', () => {
    const pod = injected({ container: { livenessProbe: { httpGet: { path: '/?a=1&b=<2>', port: 1 } } } });
    expect(variable(proxyOf(pod), 'ISTIO_KUBE_APP_PROBERS')).toBe('{"/app-health/web/livez":{"httpGet":{"path":"/?a=1\\u0026b=\\u003c2\\u003e","port":1}}}');
  });
});

describe('metrics', () => {
  test('of the application are told to the agent', () => {
    const pod = injected({ annotations: { 'prometheus.io/port': '9100', 'prometheus_io/path': '/m' } });
    expect(variable(proxyOf(pod), 'ISTIO_PROMETHEUS_ANNOTATIONS')).toBe('{"scrape":"","path":"/m","port":"9100"}');
    expect(pod.metadata.annotations).toMatchObject({ 'prometheus.io/port': '15020', 'prometheus.io/path': '/stats/prometheus', 'prometheus.io/scrape': 'true' });
    expect(pod.metadata.annotations).not.toHaveProperty('prometheus_io/path');
  });
  test.each<[string, Record<string, string>, InjectionOptions]>([
    ['scrape: "false"', { 'prometheus.io/scrape': 'false', 'prometheus.io/port': '9100' }, {}],
    ['merge-metrics: "false"', { 'prometheus.istio.io/merge-metrics': 'false', 'prometheus.io/port': '9100' }, {}],
    ['enablePrometheusMerge: false', { 'prometheus.io/port': '9100' }, { meshConfig: { enablePrometheusMerge: false } }],
  ])('stay as they are with %s', (_case, annotations, options) => {
    const pod = injected({ annotations }, options);
    expect(pod.metadata.annotations).toMatchObject(annotations);
    expect(variable(proxyOf(pod), 'ISTIO_PROMETHEUS_ANNOTATIONS')).toBeUndefined();
  });
  test('at a port of the proxy are refused', () => {
    expect(() => injected({ annotations: { 'prometheus.io/port': '15090' } })).toThrow(
      '[Deployment/default/web] MESH_INJECT_ANNOTATION: metrics of an application must be at another port than that of Envoy\'s metrics, got "15090"; correct prometheus.io/port');
  });
});

describe('names', () => {
  test('of a Pod come from its controller', () => {
    const pod = (metadata: Record<string, unknown>) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'ns', ...metadata }, spec: { containers: [{ name: 'a', image: 'a' }] } });
    const owner = (metadata: Record<string, unknown>) => {
      const [made] = inject([pod(metadata)]).objects as [Parameters<typeof proxyOf>[0]];
      return [variable(proxyOf(made), 'ISTIO_META_WORKLOAD_NAME'), variable(proxyOf(made), 'ISTIO_META_OWNER')];
    };
    const by = (kind: string, name: string, apiVersion = 'apps/v1') => ({ generateName: `${name}-`, ownerReferences: [{ apiVersion, kind, name, uid: 'u', controller: true }] });
    expect(owner({ name: 'lone' })).toEqual(['lone', 'kubernetes://apis/v1/namespaces/ns/pods/lone']);
    expect(owner({ ...by('ReplicaSet', 'web-abc'), labels: { 'pod-template-hash': 'abc' } })).toEqual(['web', 'kubernetes://apis/apps/v1/namespaces/ns/deployments/web']);
    expect(owner({ ...by('ReplicaSet', 'web-abc'), labels: { 'rollouts-pod-template-hash': 'abc' } })).toEqual(['web', 'kubernetes://apis/v1alpha1/namespaces/ns/rollouts/web']);
    expect(owner(by('Job', 'nightly-28000000', 'batch/v1'))).toEqual(['nightly', 'kubernetes://apis/batch/v1/namespaces/ns/cronjobs/nightly']);
    expect(owner(by('StatefulSet', 'db'))).toEqual(['db', 'kubernetes://apis/apps/v1/namespaces/ns/statefulsets/db']);
  });

  test('a canonical name is a label\'s value, 63 characters at most', () => {
    expect(injected({ labels: { app: 'a'.repeat(62) } }).metadata.labels!['service.istio.io/canonical-name']).toBe('a'.repeat(62));
    const [made] = inject([{ ...deployment(), metadata: { name: `${'b'.repeat(62)}.c` }, spec: { template: { spec: { containers: [] } } } }]).objects as [{ spec: { template: { metadata: { labels: Record<string, string> } } } }];
    expect(made.spec.template.metadata.labels['service.istio.io/canonical-name']).toBe('b'.repeat(62));
  });

  test('cluster and network', () => {
    const pod = injected({ labels: { 'topology.istio.io/network': 'n2' } }, { values: { global: { network: 'n1', multiCluster: { clusterName: 'c1' } } } });
    expect([variable(proxyOf(pod), 'ISTIO_META_CLUSTER_ID'), variable(proxyOf(pod), 'ISTIO_META_NETWORK')]).toEqual(['c1', 'n2']);
    expect(pod.metadata.labels!['topology.istio.io/network']).toBe('n2');
  });
});

test('what sidecars add, each and together', () => {
  const { workloads } = inject([
    deployment(), { ...deployment({ annotations: { 'sidecar.istio.io/proxyCPU': '1500m' } }), metadata: { name: 'b' } },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'd' }, spec: { template: { spec: { containers: [] } } } },
  ]);
  expect(workloads).toEqual([
    { workload: 'Deployment/default/web', added: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } }, replicas: 1 },
    { workload: 'Deployment/default/b', added: { requests: { cpu: '1500m' }, limits: {} }, replicas: 1 },
    { workload: 'DaemonSet/default/d', added: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } } },
  ]);
  expect(sumOf(workloads.map(({ added }) => ({ added: added!, times: 3 })))).toEqual({ requests: { cpu: '5100m', memory: '768Mi' }, limits: { cpu: '12', memory: '6Gi' } });
  expect(sumOf([])).toEqual({ requests: {}, limits: {} });
});

test('a field of the wrong type is an error that names it', () => {
  expect(() => inject([deployment({ container: { ports: [{ containerPort: '80' }] } })])).toThrow(new Error(
    '[Deployment/default/web] MESH_FIELD_TYPE: spec.template.spec.containers[0].ports[0].containerPort must be a whole number, got "80"; write it as Kubernetes has it',
  ));
  expect(() => inject([], { meshConfig: { defaultConfig: { concurrency: 'x' } } })).toThrow('[MeshConfig] MESH_FIELD_TYPE: defaultConfig must be a ProxyConfig, got one in which concurrency must be a whole number; correct it');
});
