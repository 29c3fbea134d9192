import { argument, captureOf, deployment, injected, proxyOf, variable } from './pods';
import { inject } from '../../src/injection';
import { CHECKED } from '../../src/injection/annotations';

const T = 'traffic.sidecar.istio.io/';
const S = 'sidecar.istio.io/';

describe('capture', () => {
  test.each<[string, string, string, string]>([
    [`${T}includeOutboundIPRanges`, '10.0.0.0/8,fd00::/8', '-i', '10.0.0.0/8,fd00::/8'],
    [`${T}includeOutboundIPRanges`, '', '-i', ''],
    [`${T}excludeOutboundIPRanges`, '10.1.0.0/16', '-x', '10.1.0.0/16'],
    [`${T}includeInboundPorts`, '80,443', '-b', '80,443'],
    [`${T}excludeInboundPorts`, '1, 2', '-d', '15090,15021,1,2,15020'],
    [`${T}excludeInboundPorts`, '15020', '-d', '15090,15021,15020'],
    ['status.sidecar.istio.io/port', '0', '-d', '15090,15021'],
    [`${T}includeOutboundPorts`, '8080', '-q', '8080'],
    [`${T}excludeOutboundPorts`, '3306', '-o', '3306'],
    [`${T}excludeInterfaces`, 'eth1', '-c', 'eth1'],
    [`${T}kubevirtInterfaces`, 'net1', '-k', 'net1'],
    ['istio.io/reroute-virtual-interfaces', 'net2', '-k', 'net2'],
    [`${S}interceptionMode`, 'TPROXY', '-m', 'TPROXY'],
  ])('%s: %j gives %s %j', (name, value, flag, expected) => {
    expect(argument(captureOf(injected({ annotations: { [name]: value } })), flag)).toBe(expected);
  });

  test('interceptionMode NONE captures nothing, with and without a native proxy', () => {
    const annotations = { [`${S}interceptionMode`]: 'NONE' };
    expect(injected({ annotations }).spec.initContainers).toBeUndefined();
    expect(injected({ annotations }, { nativeSidecar: true }).spec.initContainers?.map(({ name }) => name)).toEqual(['istio-proxy']);
  });

  test('TPROXY runs the proxy as root with NET_ADMIN', () => {
    expect(proxyOf(injected({ annotations: { [`${S}interceptionMode`]: 'TPROXY' } })).securityContext).toMatchObject({
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] }, runAsUser: 0, runAsGroup: 1337, runAsNonRoot: false,
    });
  });

  test('capNetBindService lets it bind ports below 1024', () => {
    expect(proxyOf(injected({ annotations: { [`${S}capNetBindService`]: 'true' } })).securityContext).toMatchObject({ capabilities: { add: ['NET_BIND_SERVICE'] }, runAsUser: 0 });
  });

  test('with Istio\'s CNI plugin the capture is only checked, and annotations tell the plugin', () => {
    const pod = injected({}, { values: { pilot: { cni: { enabled: true } } } });
    expect(captureOf(pod)).toMatchObject({ name: 'istio-validation', securityContext: { runAsUser: 1337, capabilities: { drop: ['ALL'] } } });
    expect(captureOf(pod).args!.slice(-2)).toEqual(['--run-validation', '--skip-rule-apply']);
    expect(pod.metadata.annotations).toMatchObject({ [`${S}interceptionMode`]: 'REDIRECT', [`${T}includeInboundPorts`]: '*', [`${T}excludeInboundPorts`]: '15020' });
  });
});

describe('the proxy', () => {
  test.each([
    ['logLevel', '--proxyLogLevel=debug'], ['componentLogLevel', '--proxyComponentLogLevel=debug'], ['agentLogLevel', '--log_output_level=debug'],
  ])('%s', (name, expected) => {
    expect(proxyOf(injected({ annotations: { [S + name]: 'debug' } })).args).toContain(expected);
  });

  test.each<[string, string, string]>([
    ['proxyImage', 'registry.example/proxy:2', 'registry.example/proxy:2'],
    ['proxyImage', 'no-registry', 'docker.io/istio/proxyv2:1.31.1'],
    ['proxyImageType', 'distroless', 'docker.io/istio/proxyv2:1.31.1-distroless'],
  ])('%s: %s', (name, value, image) => {
    const pod = injected({ annotations: { [S + name]: value } });
    expect([proxyOf(pod).image, captureOf(pod).image]).toEqual([image, image]);
  });

  test('one resource annotation replaces all resources', () => {
    const pod = injected({ annotations: { [`${S}proxyCPULimit`]: '1500m', [`${S}proxyMemory`]: '1024Mi' } });
    expect(proxyOf(pod).resources).toEqual({ limits: { cpu: '1500m' }, requests: { memory: '1Gi' } });
    expect(captureOf(pod).resources).toEqual(proxyOf(pod).resources);
  });

  test('its own volumes', () => {
    const pod = injected({ annotations: { [`${S}userVolume`]: '{"certs":{"secret":{"secretName":"s"}}}', [`${S}userVolumeMount`]: '{"certs":{"mountPath":"/certs","readOnly":true}}' } });
    expect(pod.spec.volumes).toContainEqual({ name: 'certs', secret: { secretName: 's' } });
    expect(proxyOf(pod).volumeMounts).toContainEqual({ name: 'certs', mountPath: '/certs', readOnly: true });
  });

  test('bootstrapOverride mounts a ConfigMap', () => {
    const pod = injected({ annotations: { [`${S}bootstrapOverride`]: 'mine' } });
    expect(variable(proxyOf(pod), 'ISTIO_BOOTSTRAP_OVERRIDE')).toBe('/etc/istio/custom-bootstrap/custom_bootstrap.json');
    expect(pod.spec.volumes).toContainEqual({ name: 'custom-bootstrap-volume', configMap: { name: 'mine' } });
  });

  test('readiness', () => {
    const R = 'readiness.status.sidecar.istio.io/';
    expect(proxyOf(injected({ annotations: { [`${R}initialDelaySeconds`]: '5', [`${R}periodSeconds`]: '7', [`${R}failureThreshold`]: '9' } })).readinessProbe)
      .toEqual({ httpGet: { path: '/healthz/ready', port: 15021 }, initialDelaySeconds: 5, periodSeconds: 7, failureThreshold: 9, timeoutSeconds: 3 });
    expect(proxyOf(injected({ annotations: { 'status.sidecar.istio.io/port': '0' } }))).not.toHaveProperty('readinessProbe');
  });

  test('proxy.istio.io/config: what differs from Istio\'s defaults, in the order of the API', () => {
    const config = 'proxyMetadata: {B: "2", A: "1"}\ndrainDuration: 45s\nterminationDrainDuration: 1m\nconcurrency: 0\ntracing: {sampling: 10, zipkin: {address: "z:9411"}}\nimage: {imageType: debug}';
    const pod = injected({ annotations: { 'proxy.istio.io/config': config } });
    expect(variable(proxyOf(pod), 'PROXY_CONFIG')).toBe('{"concurrency":0,"tracing":{"zipkin":{"address":"z:9411"},"sampling":10},"proxyMetadata":{"A":"1","B":"2"},'
      + '"terminationDrainDuration":"60s","image":{"imageType":"debug"}}\n');
    expect([variable(proxyOf(pod), 'A'), variable(proxyOf(pod), 'B')]).toEqual(['1', '2']);
    expect(proxyOf(pod).image).toBe('docker.io/istio/proxyv2:1.31.1-debug');
  });

  test('proxyMetadata of mesh and Pod are joined', () => {
    const pod = injected({ annotations: { 'proxy.istio.io/config': 'proxyMetadata: {MINE: "1"}' } }, { meshConfig: { defaultConfig: { proxyMetadata: { OURS: '2', MINE: '0' } } } });
    expect([variable(proxyOf(pod), 'MINE'), variable(proxyOf(pod), 'OURS')]).toEqual(['1', '2']);
  });
});

test.each(['true', '1', 't', 'false', '0', 'F'])('rewriteAppHTTPProbers: %s', (value) => {
  const probe = { httpGet: { port: 8080 } };
  const pod = injected({ annotations: { [`${S}rewriteAppHTTPProbers`]: value }, container: { livenessProbe: probe } });
  expect(pod.spec.containers[0].livenessProbe).toEqual(/^[t1]/.test(value) ? { httpGet: { path: '/app-health/web/livez', port: 15020 } } : probe);
});

describe('volumes of users', () => {
  const names = (value: string, mounts: string): unknown[] => {
    const pod = injected({ annotations: { [`${S}userVolume`]: value, [`${S}userVolumeMount`]: mounts } });
    return [(pod.spec.volumes as { name: string }[]).slice(-2), (proxyOf(pod).volumeMounts as { name: string }[]).slice(-2)];
  };
  const wanted = [[{ name: 'a', secret: { secretName: 's' } }, { name: 'b', emptyDir: {} }], [{ name: 'a', mountPath: '/a' }, { name: 'b', mountPath: '/b' }]];
  test('by name', () => {
    expect(names('{"b":{"emptyDir":{}},"a":{"secret":{"secretName":"s"}}}', '{"b":{"mountPath":"/b"},"a":{"mountPath":"/a"}}')).toEqual(wanted);
  });
  test('as a list', () => {
    expect(names('[{"name":"a","secret":{"secretName":"s"}},{"name":"b","emptyDir":{}}]', '[{"name":"a","mountPath":"/a"},{"name":"b","mountPath":"/b"}]')).toEqual(wanted);
  });
  test.each(['[{"emptyDir":{}}]', '["a"]', '{"a":1}', '1', '{'])('not %s', (value) => {
    expect(() => injected({ annotations: { [`${S}userVolume`]: value } })).toThrow('MESH_INJECT_ANNOTATION');
  });
});

test('ProxyConfig is told to the proxy as protobuf writes it', () => {
  const told = (config: string): unknown => JSON.parse(variable(proxyOf(injected({ annotations: { 'proxy.istio.io/config': config } })), 'PROXY_CONFIG') as string);
  expect(told('privateKeyProvider: {cryptomb: {pollDelay: 10ms}}\nterminationDrainDuration: 1.5s')).toEqual({ privateKeyProvider: { cryptomb: { pollDelay: '0.010s' } }, terminationDrainDuration: '1.500s' });
  // Of two members of a oneof the one that is declared last holds.
  expect(told('tracingServiceName: CANONICAL_NAME_ONLY\nserviceCluster: mine')).toEqual({ tracingServiceName: 'CANONICAL_NAME_ONLY' });
});

test('an author\'s own proxy becomes native by true or false alone', () => {
  const own = (value: string) => injected({ annotations: { [`${S}nativeSidecar`]: value }, spec: { containers: [{ name: 'istio-proxy', image: 'auto' }, { name: 'web', image: 'w' }] } }).spec;
  expect(own('true').containers.map(({ name }) => name)).toEqual(['web']);
  expect(own('yes').containers.map(({ name }) => name)).toEqual(['web', 'istio-proxy']);
  expect(own('yes').initContainers!.map(({ name }) => name)).toEqual(['istio-init', 'istio-proxy']);
});

test('ports whose traffic is captured are told as they are written', () => {
  expect(argument(captureOf(injected({ annotations: { [`${T}includeOutboundPorts`]: '*' } })), '-q')).toBe('*');
});

describe('a value that Istio refuses is an error', () => {
  const good: Readonly<Record<string, readonly string[]>> = {
    'istio.io/reroute-virtual-interfaces': ['', 'eth0, a_b-c.d'],
    'prometheus.istio.io/merge-metrics': ['true', 'F'],
    'proxy.istio.io/config': ['', 'statusPort: 1', 'statusPort: 65535', '{"concurrency": 2}', 'someday: 1'],
    'proxy.istio.io/overrides': ['{}'],
    'readiness.status.sidecar.istio.io/failureThreshold': ['0', '4294967295'],
    'sidecar.istio.io/interceptionMode': ['REDIRECT', 'TPROXY', 'NONE'],
    'sidecar.istio.io/proxyCPU': ['1', '.5', '1e3', '100m'],
    'status.sidecar.istio.io/port': ['0', '65535', ' 80'],
    'traffic.sidecar.istio.io/excludeInboundPorts': ['', '0, 65535'],
    'traffic.sidecar.istio.io/excludeOutboundIPRanges': ['', '0.0.0.0/0', '::/128', '::ffff:1.2.3.4/96'],
    'traffic.sidecar.istio.io/includeInboundPorts': ['*', '80'],
    'traffic.sidecar.istio.io/includeOutboundIPRanges': ['*', '10.0.0.0/32'],
  };
  const bad: Readonly<Record<string, readonly string[]>> = {
    'istio.io/reroute-virtual-interfaces': ['0eth', 'sixteen-letters-', 'a,,b'],
    'prometheus.istio.io/merge-metrics': ['yes', ''],
    'proxy.istio.io/config': ['[', 'statusPort: 0', 'statusPort: 65536', 'concurrency: many', 'drainDuration: 1.5s', 'discoveryAddress: nowhere', 'interceptionMode: SOME', 'just text'],
    'proxy.istio.io/overrides': ['[]', '{'],
    'readiness.status.sidecar.istio.io/failureThreshold': ['-1', '4294967296', 'x'],
    'sidecar.istio.io/interceptionMode': ['redirect', ''],
    'sidecar.istio.io/proxyCPU': ['', '1 core', '1\n', 'Mi'],
    'status.sidecar.istio.io/port': ['-1', '65536', ''],
    'traffic.sidecar.istio.io/excludeInboundPorts': ['*', '65536', '80;81'],
    'traffic.sidecar.istio.io/excludeOutboundIPRanges': ['*', '10.0.0.0', '10.0.0.0/33', '::/129', '1.2.3.256/8', '10.0.0.0/8, 11.0.0.0/8'],
    'traffic.sidecar.istio.io/includeInboundPorts': ['all', '-1'],
    'traffic.sidecar.istio.io/includeOutboundIPRanges': ['10.0.0.0/8,*'],
  };

  test.each(Object.entries(good).flatMap(([name, values]) => values.map(value => [name, value])))('%s takes %j', (name, value) => {
    expect(CHECKED[name](value)).toBeUndefined();
  });

  test.each(Object.entries(bad).flatMap(([name, values]) => values.map(value => [name, value])))('%s refuses %j', (name, value) => {
    expect(() => inject([deployment({ annotations: { [name]: value } })])).toThrow(`[Deployment/default/web] MESH_INJECT_ANNOTATION: annotation ${name} must be `);
  });

  test('naming annotation, rule, value and repair', () => {
    expect(() => inject([deployment({ annotations: { [`${T}excludeOutboundPorts`]: '80,http' } })])).toThrow(new Error(
      '[Deployment/default/web] MESH_INJECT_ANNOTATION: annotation traffic.sidecar.istio.io/excludeOutboundPorts must be ports separated by commas, got "80,http"; correct it or leave it out',
    ));
  });

  test('a template that Istio does not ship', () => {
    expect(() => inject([deployment({ annotations: { 'inject.istio.io/templates': 'sidecar,mine' } })])).toThrow(new Error(
      '[Deployment/default/web] MESH_INJECT_TEMPLATE: annotation inject.istio.io/templates must name templates of the injector, got "mine"; have gateway, grpc-agent, grpc-simple, sidecar',
    ));
  });
});
