import { Testing } from 'cdk8s';
import { RemoteSecret } from '../src';
import type { RemoteSecretProps } from '../src';
import { only } from './support/synth';

const authority = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';
const west: RemoteSecretProps = { cluster: 'west', server: 'https://10.1.0.1:6443', authority, token: 'swordfish' };

test('renders the Secret that istioctl makes', () => {
  const chart = Testing.chart();
  expect(new RemoteSecret(chart, 'west', { ...west, tlsServerName: 'api', namespace: 'mesh' }).name).toBe('istio-remote-secret-west');
  expect(only(chart, 'Secret')).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'istio-remote-secret-west',
      namespace: 'mesh',
      labels: { 'istio/multiCluster': 'true' },
      annotations: { 'networking.istio.io/cluster': 'west', 'cdk8s-mesh.dev/path': 'test/west' },
    },
    stringData: {
      west: `apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ${Buffer.from(authority).toString('base64')}\n    server: https://10.1.0.1:6443\n    tls-server-name: api\n  name: west\n`
        + 'contexts:\n- context:\n    cluster: west\n    user: west\n  name: west\ncurrent-context: west\nkind: Config\nusers:\n- name: west\n  user:\n    token: swordfish\n',
    },
  });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('is for istiod in istio-system', () => {
  const chart = Testing.chart();
  new RemoteSecret(chart, 'west', west);
  expect(only(chart, 'Secret').metadata.namespace).toBe('istio-system');
});

test.each<[string, Partial<RemoteSecretProps>, string]>([
  ['a server without https', { server: '10.1.0.1' }, 'MESH_REMOTE_CLUSTER: server must be the URL of an API server such as https://10.1.0.1:6443, got "10.1.0.1"; correct it'],
  ['no certificates', { authority: 'x' }, 'MESH_REMOTE_CLUSTER: authority must be certificates in PEM, got 1 other characters; give those of the cluster\'s authority'],
  ['no token', { token: ' ' }, 'MESH_REMOTE_CLUSTER: token must be that of a service account, got none; give the one of istio-reader-service-account'],
])('refuses %s', (_case, change, message) => {
  expect(() => new RemoteSecret(Testing.chart(), 'west', { ...west, ...change })).toThrow(new Error(`[test/west] ${message}`));
});
