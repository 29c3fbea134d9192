import { stringify } from 'yaml';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';

const map = (name: string, config: unknown, shared: boolean) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'istio-system', ...(shared && { labels: { 'cdk8s-mesh.dev/mesh-config': 'shared' } }) },
  data: { mesh: typeof config === 'string' ? config : stringify(config) },
});
const rawOf = (...maps: unknown[]) => buildModel(resourcesOf(maps)).config.raw;
const envoy = (name: string, path: string) => ({ name, envoyFileAccessLog: { path } });

test('what is shared adds to a default installation', () => {
  expect(rawOf(map('more', { extensionProviders: [envoy('a', '/a')] }, true)))
    .toEqual({ defaultProviders: { metrics: ['prometheus'] }, extensionProviders: [envoy('a', '/a')] });
});

test('the installation\'s own takes precedence, field by field, provider by provider', () => {
  const shared = {
    connectTimeout: '1s',
    accessLogFile: '/shared',
    defaultConfig: { concurrency: 1, statusPort: 1 },
    defaultProviders: { tracing: ['a'] },
    extensionProviders: [envoy('a', '/shared'), envoy('b', '/shared')],
    trustDomainAliases: ['z', 'shared'],
  };
  const own = {
    accessLogFile: '', defaultConfig: { statusPort: 0 }, defaultProviders: { metrics: [] }, extensionProviders: [envoy('b', '/own'), envoy('c', '/own')], trustDomainAliases: ['own'],
  };
  const expected = {
    connectTimeout: '1s',
    accessLogFile: '',
    defaultConfig: { concurrency: 1, statusPort: 0 },
    defaultProviders: { tracing: ['a'], metrics: [] },
    extensionProviders: [envoy('a', '/shared'), envoy('b', '/own'), envoy('c', '/own')],
    trustDomainAliases: ['own', 'shared', 'z'],
  };
  expect(rawOf(map('more', shared, true), map('istio', own, false))).toEqual(expected);
  expect(rawOf(map('istio', own, false), map('more', shared, true))).toEqual(expected);
});

test('a ConfigMap without the label is none of it', () => {
  expect(rawOf(map('more', { accessLogFile: '/a' }, false))).toEqual({ defaultProviders: { metrics: ['prometheus'] } });
});

test('what is no YAML is told where it stands', () => {
  expect(() => rawOf(map('more', '[', true))).toThrow(/^\[ConfigMap\/istio-system\/more\] MESH_YAML_SYNTAX: data\.mesh of ConfigMap more must be YAML of a MeshConfig, got /);
});
