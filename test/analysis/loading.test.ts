import { analyzeManifests } from '../../src/analysis';

const loaded: string[] = [];
jest.mock('../../src/xds/registry', () => {
  loaded.push('registry');
  return jest.requireActual('../../src/xds/registry');
});
jest.mock('../../src/compiler/compiler', () => {
  loaded.push('compiler');
  return jest.requireActual('../../src/compiler/compiler');
});

const meta = (apiVersion: string, kind: string, spec: object) => ({ apiVersion, kind, metadata: { name: 'reviews' }, spec });

test('compiler and descriptors are loaded for EnvoyFilters only: they take longer than all the rest', () => {
  analyzeManifests([
    meta('v1', 'Service', { selector: { app: 'reviews' }, ports: [{ name: 'http', port: 9080 }] }),
    meta('networking.istio.io/v1', 'VirtualService', { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews' } }] }] }),
    meta('networking.istio.io/v1', 'DestinationRule', { host: 'reviews' }),
    meta('security.istio.io/v1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } }),
    meta('security.istio.io/v1', 'AuthorizationPolicy', { rules: [{}] }),
  ]);
  expect(loaded).toEqual([]);
  analyzeManifests([meta('networking.istio.io/v1alpha3', 'EnvoyFilter', { configPatches: [{ applyTo: 'CLUSTER', patch: { operation: 'MERGE', value: { name: 'a' } } }] })]);
  expect(loaded).toContain('compiler');
});
