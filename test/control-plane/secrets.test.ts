import { createPrivateKey, X509Certificate } from 'node:crypto';
import { toJson } from '@bufbuild/protobuf';
import { Authority, AUTHORITY_DEFAULTS, spiffeId } from '../../runtime/control-plane/ca/authority';
import { SecretMaker } from '../../runtime/control-plane/ca/secrets';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import { proxyFromNode } from '../../src/model/proxy';
import type { DataSource } from '../../src/xds/gen/envoy/config/core/v3/base_pb';
import { SecretSchema } from '../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { Secret } from '../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';

const NODE = { id: 'router~10.0.0.9~gateway-0.edge~edge.svc.cluster.local', metadata: { NAMESPACE: 'edge', SERVICE_ACCOUNT: 'gateway' } };

let authority: Authority;
let pair: { readonly certificateChain: string; readonly privateKey: string };

beforeAll(async () => {
  authority = await Authority.create();
  pair = await authority.identity('spiffe://cluster.local/ns/edge/sa/gateway');
});

function secret(name: string, content: object, namespace = 'edge'): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'kubernetes.io/tls', ...content };
}

async function make(objects: object[], ...names: string[]) {
  const model = buildModel(resourcesOf(objects));
  const { secrets, errors } = await new SecretMaker(authority).make(model, proxyFromNode(NODE, model), names);
  return { secrets, errors: errors.map(error => error.message) };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function bytesOf(made: Secret): (string | undefined)[] {
  const source = (data?: DataSource): string | undefined => data && Buffer.from(data.specifier.value as Uint8Array).toString();
  if (made.type.case === 'tlsCertificate') return [source(made.type.value.certificateChain), source(made.type.value.privateKey)];
  return made.type.case === 'validationContext' ? [source(made.type.value.trustedCa)] : [];
}

describe('the authority', () => {
  test('issues certificates that its root signs, whose one name is the SPIFFE identity', async () => {
    const certificate = new X509Certificate(pair.certificateChain);
    const root = new X509Certificate(authority.rootCertificate);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.privateKey))).toBe(true);
    expect(certificate.subjectAltName).toBe('URI:spiffe://cluster.local/ns/edge/sa/gateway');
    expect([certificate.subject ?? '', certificate.ca, root.ca]).toEqual(['', false, true]);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']); // server and client
  });

  test('gives an identity the same certificate however often it is asked, and others another', async () => {
    expect(await authority.identity('spiffe://cluster.local/ns/edge/sa/gateway')).toBe(pair);
    expect(await authority.identity(spiffeId('cluster.local', 'edge', 'other'))).not.toEqual(pair);
  });

  test('counts validity from the clock it is given', async () => {
    const past = await Authority.create({ ...AUTHORITY_DEFAULTS, now: () => new Date('2020-01-01T00:02:00Z'), workloadDays: 1 });
    const { validFrom, validTo } = new X509Certificate((await past.identity('spiffe://a/ns/b/sa/c')).certificateChain);
    expect([validFrom, validTo]).toEqual(['Jan  1 00:00:00 2020 GMT', 'Jan  2 00:00:00 2020 GMT']);
  });
});

describe('a proxy gets', () => {
  test('the certificate of its own identity, in the trust domain of the mesh', async () => {
    const { secrets } = await make([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh: 'trustDomain: prod.example' } }], 'default');
    expect(new X509Certificate(bytesOf(secrets[0]!)[0]!).subjectAltName).toBe('URI:spiffe://prod.example/ns/edge/sa/gateway');
  });

  test('the root of the mesh', async () => {
    const { secrets } = await make([], 'ROOTCA');
    expect(secrets.map(bytesOf)).toEqual([[authority.rootCertificate]]);
  });

  test.each<[string, (chain: string, key: string) => object]>([
    ['tls.crt and tls.key', (chain, key) => ({ data: { 'tls.crt': base64(chain), 'tls.key': base64(key) } })],
    ['cert and key', (chain, key) => ({ data: { cert: base64(chain), key: base64(key) } })],
    ['stringData', (chain, key) => ({ stringData: { 'tls.crt': chain, 'tls.key': key } })],
  ])('the pair of a Secret with %s', async (_form, content) => {
    const { secrets, errors } = await make([secret('web', content(pair.certificateChain, pair.privateKey))], 'kubernetes://web');
    expect(errors).toEqual([]);
    expect(secrets.map(made => [made.name, ...bytesOf(made)])).toEqual([['kubernetes://web', pair.certificateChain, pair.privateKey]]);
  });

  test('the CA of NAME-cacert, or that inside NAME', async () => {
    const ca = authority.rootCertificate;
    const own = await make([secret('web-cacert', { data: { 'ca.crt': base64(ca) } })], 'kubernetes://web-cacert');
    expect(own.secrets.map(bytesOf)).toEqual([[ca]]);
    const legacy = await make([secret('web-cacert', { data: { cacert: base64(ca) } })], 'kubernetes://web-cacert');
    expect(legacy.secrets.map(bytesOf)).toEqual([[ca]]);
    const inside = await make([secret('web', { data: { 'tls.crt': base64(pair.certificateChain), 'tls.key': base64(pair.privateKey), 'ca.crt': base64(ca) } })], 'kubernetes://web-cacert');
    expect(inside.secrets.map(made => [made.name, ...bytesOf(made)])).toEqual([['kubernetes://web-cacert', ca]]);
  });

  test.each<[string, object[], string]>([
    ['a Secret that does not exist', [], 'kubernetes://web'],
    ["another namespace's Secret", [secret('web', { stringData: { 'tls.crt': 'x', 'tls.key': 'y' } }, 'shop')], 'kubernetes://web'],
    ['a CA that no Secret holds', [secret('web', { stringData: { 'tls.crt': 'x', 'tls.key': 'y' } })], 'kubernetes://web-cacert'],
    ['half a pair of files', [], 'file-cert:/etc/certs/cert.pem'],
    ["another provider's secret", [], 'builtin://'],
  ])('nothing, and no error, for %s', async (_case, objects, name) => {
    expect(await make(objects, name)).toEqual({ secrets: [], errors: [] });
  });

  test('the roots of the machine', async () => {
    const { secrets } = await make([], 'file-root:system');
    expect(secrets.map(made => bytesOf(made)[0])).toEqual([expect.stringContaining('-----BEGIN CERTIFICATE-----')]);
  });

  test('the paths of its own files', async () => {
    const { secrets } = await make([], 'file-cert:/certs/cert.pem~/certs/key.pem', 'file-root:/certs/ca.pem');
    expect(secrets.map(made => toJson(SecretSchema, made))).toEqual([
      { name: 'file-cert:/certs/cert.pem~/certs/key.pem', tlsCertificate: { certificateChain: { filename: '/certs/cert.pem' }, privateKey: { filename: '/certs/key.pem' } } },
      { name: 'file-root:/certs/ca.pem', validationContext: { trustedCa: { filename: '/certs/ca.pem' } } },
    ]);
  });

  test('nothing, and the reason is told, where a Secret cannot be used', async () => {
    const other = await authority.identity('spiffe://cluster.local/ns/edge/sa/other');
    const mixed = await make([secret('web', { stringData: { 'tls.crt': pair.certificateChain, 'tls.key': other.privateKey } })], 'kubernetes://web');
    expect(mixed).toEqual({ secrets: [], errors: ['[Secret/edge/web] MESH_SECRET_INVALID: of a TLS Secret the key belongs to the certificate, got two that do not match; repair Secret/edge/web'] });
    const half = await make([secret('web', { stringData: { 'tls.crt': pair.certificateChain } })], 'kubernetes://web');
    expect(half.errors).toEqual(['[Secret/edge/web] MESH_SECRET_INVALID: of a TLS Secret it holds tls.crt and tls.key (or cert and key), got tls.crt; repair Secret/edge/web']);
    const noise = await make([secret('web', { stringData: { 'tls.crt': 'x', 'tls.key': 'y' } })], 'kubernetes://web');
    expect(noise.errors[0]).toContain('MESH_SECRET_INVALID: of a TLS Secret certificate and key are PEM, got what cannot be read');
  });
});
