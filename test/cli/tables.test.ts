import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fromJsonString, toJson } from '@bufbuild/protobuf';
import { cli, folderOf, MESH, toBack } from './support';
import { Authority } from '../../runtime/control-plane/ca/authority';
import { ConfigDumpSchema } from '../../src/xds/gen/envoy/admin/v3/config_dump_pb';
import { registry } from '../../src/xds/registry';

const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v2') });
const pc = async (...args: string[]) => (await cli(['proxy-config', ...args], { cwd: folder })).stdout;

test('clusters look as istioctl prints them', async () => {
  expect(await pc('clusters', 'deploy/front-v1', '.')).toBe([
    'SERVICE FQDN                                  PORT     SUBSET     DIRECTION     TYPE             DESTINATION RULE',
    '                                              8000     -          inbound       ORIGINAL_DST     ',
    'BlackHoleCluster                              -        -          -             STATIC           ',
    'InboundPassthroughCluster                     -        -          -             ORIGINAL_DST     ',
    'PassthroughCluster                            -        -          -             ORIGINAL_DST     ',
    'agent                                         -        -          -             STATIC           ',
    'back.default.svc.cluster.local                9000     -          outbound      EDS              back.default',
    'back.default.svc.cluster.local                9000     v1         outbound      EDS              back.default',
    'back.default.svc.cluster.local                9000     v2         outbound      EDS              back.default',
    'front.default.svc.cluster.local               8000     -          outbound      EDS              ',
    'istio-gate.istio-system.svc.cluster.local     80       -          outbound      EDS              ',
    'istio-gate.istio-system.svc.cluster.local     443      -          outbound      EDS              ',
    'istio-gate.istio-system.svc.cluster.local     8080     -          outbound      EDS              ',
    'prometheus_stats                              -        -          -             STATIC           ',
    'sds-grpc                                      -        -          -             STATIC           ',
    'xds-grpc                                      -        -          -             STATIC           ',
    '',
  ].join('\n'));
});

test('routes show the rule each came from, and hide passthrough', async () => {
  const rows = (await pc('routes', 'front-v1.default', '.')).split('\n').filter(line => /^(NAME|9000|8000) /.test(line));
  expect(rows.map(row => row.trimEnd().split(/ {5,}/))).toEqual([
    ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE'],
    ['8000', 'front.default.svc.cluster.local:8000', 'front, front.default + 1 more...', '/*'],
    ['9000', 'back.default.svc.cluster.local:9000', 'back, back.default + 1 more...', '/*', 'back.default'],
  ]);
});

test('a gateway without routes answers 404 and has its two own routes', async () => {
  const gateway = MESH.slice(MESH.indexOf('apiVersion: networking.istio.io/v1\nkind: Gateway')).split('---')[0];
  const alone = folderOf({ 'gateway.yaml': gateway });
  const { stdout, stderr, code } = await cli(['pc', 'routes', '-n', 'istio-system', 'istio-gate', 'gateway.yaml'], { cwd: alone });
  expect(stdout).toBe([
    'NAME          VHOST NAME         DOMAINS     MATCH                  VIRTUAL SERVICE',
    'http.8080     blackhole:8080     *           /*                     404',
    '              backend            *           /stats/prometheus*     ',
    '              backend            *           /healthz/ready*        ',
    '',
  ].join('\n'));
  expect(stderr).toBe('note: added Deployment/istio-system/istio-gate, as no workload carries the labels that a Gateway selects\n');
  expect(code).toBe(0);
});

test('listeners show a row for each filter chain', async () => {
  const rows = (await pc('listener', 'front-v1', '.')).split('\n').filter(line => / (9000|15001|15006|15021|15090) /.test(line));
  expect(rows.map(row => row.replace(/ +/g, ' '))).toEqual([
    '0.0.0.0 9000 Trans: raw_buffer; App: http/1.1,h2c Route: 9000',
    '0.0.0.0 9000 ALL PassthroughCluster',
    '0.0.0.0 15001 ALL PassthroughCluster',
    '0.0.0.0 15001 Addr: *:15001 Non-HTTP/Non-TCP',
    '0.0.0.0 15006 Addr: *:15006 Non-HTTP/Non-TCP',
    '0.0.0.0 15006 Trans: tls; App: istio-http/1.0,istio-http/1.1,istio-h2 InboundPassthroughCluster',
    '0.0.0.0 15006 Trans: raw_buffer; App: http/1.1,h2c InboundPassthroughCluster',
    '0.0.0.0 15006 Trans: tls; App: TCP TLS InboundPassthroughCluster',
    '0.0.0.0 15006 Trans: raw_buffer InboundPassthroughCluster',
    '0.0.0.0 15006 Trans: tls InboundPassthroughCluster',
    '0.0.0.0 15006 Trans: tls; App: istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2 Addr: *:8000 Cluster: inbound|8000||'.replace('istio-h2 Addr', 'istio-h2; Addr'),
    '0.0.0.0 15006 Trans: raw_buffer; Addr: *:8000 Cluster: inbound|8000||',
    '0.0.0.0 15021 ALL Inline Route: /healthz/ready*',
    '0.0.0.0 15090 ALL Inline Route: /stats/prometheus*',
  ]);
});

test('endpoints name address, health and cluster', async () => {
  const rows = (await pc('ep', 'front-v1', '.')).split('\n').filter(line => line.includes('|v2|back'));
  expect(rows).toEqual([expect.stringMatching(/^10\.\d+\.\d+\.\d+:9000 +HEALTHY +OK +outbound\|9000\|v2\|back\.default\.svc\.cluster\.local$/)]);
  const eds = (await pc('eds', 'front-v1', '.')).split('\n').filter(line => line.includes('|v2|back'));
  expect(eds).toEqual([expect.stringMatching(/:9000 +HEALTHY +outbound\|9000\|v2\|/)]);
});

test('a dump that compile wrote, and one in the spelling of Envoy, give the same tables', async () => {
  const { stdout: dump } = await cli(['compile', '.', '--proxy', 'front-v1.default'], { cwd: folder });
  const snake = dump.replace(/"([a-z]+(?:[A-Z][a-z]*)+)":/g, (_, name: string) => `"${name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}":`);
  expect(snake).toContain('"virtual_hosts":');
  const other = folderOf({ 'dump.json': dump, 'envoy.json': snake });
  for (const table of ['clusters', 'listeners', 'routes', 'endpoints', 'eds']) {
    const wanted = await pc(table, 'front-v1', '.');
    expect((await cli(['pc', table, '--file', 'dump.json'], { cwd: other })).stdout).toBe(wanted);
    expect((await cli(['pc', table, '--file', 'envoy.json'], { cwd: other })).stdout).toBe(wanted);
  }
});

test('a dump is the message that Envoy\'s admin prints, down to every resource', async () => {
  const { stdout } = await cli(['compile', '.', '--proxy', 'front-v1.default'], { cwd: folder });
  const sections = ['Bootstrap', 'Clusters', 'Listeners', 'Routes', 'Endpoints', 'Secrets'];
  const { configs } = toJson(ConfigDumpSchema, fromJsonString(ConfigDumpSchema, stdout, { registry }), { registry }) as { configs: { '@type': string }[] };
  expect(configs.map(config => config['@type'].split('.').pop())).toEqual(sections.map(name => `${name}ConfigDump`));
  expect(configs).toEqual(JSON.parse(stdout).configs);
});

test('health comes from /clusters where that is given', async () => {
  const socket = (port: number) => ({ socket_address: { address: '10.0.0.1', port_value: port } });
  const statuses = {
    cluster_statuses: [{
      name: 'outbound|1||a',
      host_statuses: [
        { address: socket(2), health_status: { eds_health_status: 'HEALTHY', failed_outlier_check: true } },
        { address: socket(1), health_status: { eds_health_status: 'UNHEALTHY' } },
      ],
    }],
  };
  const other = folderOf({ 'clusters.json': JSON.stringify(statuses) });
  expect((await cli(['pc', 'endpoints', '-f', 'clusters.json'], { cwd: other })).stdout).toBe([
    'ENDPOINT       STATUS        OUTLIER CHECK     CLUSTER',
    '10.0.0.1:1     UNHEALTHY     OK                outbound|1||a',
    '10.0.0.1:2     HEALTHY       FAILED            outbound|1||a',
    '',
  ].join('\n'));
});

test('a proxy can be described without a Pod', async () => {
  const { stdout } = await cli(['compile', '.', '--type', 'sidecar', '--namespace', 'shop', '--labels', 'app=web,version=v1', '--ip', '10.9.9.9', '--service-account', 'web'], { cwd: folder });
  const [{ bootstrap: { node } }] = JSON.parse(stdout).configs;
  expect(node).toMatchObject({ id: 'sidecar~10.9.9.9~web.shop~shop.svc.cluster.local', metadata: { SERVICE_ACCOUNT: 'web', LABELS: { app: 'web', version: 'v1' } } });
});

test('the stock dialect has no resources of Istio\'s agent, and explicit capture binds addresses', async () => {
  const { stdout } = await cli(['pc', 'listeners', 'front-v1', '.', '--dialect', 'stock', '--capture', 'explicit'], { cwd: folder });
  expect(stdout).not.toContain('15021');
  expect(stdout).toMatch(/^127\.2\.\d+\.\d+ +9000 +ALL +Route: 9000$/m);
});

test('secret shows what a Secret of the input holds, and what the proxy will be sent when it runs', async () => {
  const { certificateChain, privateKey } = await (await Authority.create()).identity('spiffe://cluster.local/ns/istio-system/sa/gate');
  const base64 = (pem: Uint8Array | string) => Buffer.from(pem).toString('base64');
  const secret = `apiVersion: v1
kind: Secret
metadata: {name: door, namespace: istio-system}
type: kubernetes.io/tls
data: {tls.crt: ${base64(certificateChain)}, tls.key: ${base64(privateKey)}}
`;
  const secure = 'servers: [{port: {number: 8443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: door}, hosts: ["*"]}]}';
  const other = folderOf({ 'mesh.yaml': MESH.replace(/servers: .*/, secure), 'secret.yaml': secret });
  const { serialNumber, validFrom, validTo } = new X509Certificate(certificateChain);
  const [header, first, ...rest] = (await cli(['pc', 'secret', 'istio-gate.istio-system', '.'], { cwd: other })).stdout.trimEnd().split('\n').map(line => line.split(/ {5,}/));
  expect(header).toEqual(['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE']);
  const time = (text: string) => new Date(text).toISOString().replace('.000Z', 'Z');
  expect(first).toEqual(['kubernetes://door', 'Cert Chain', 'ACTIVE', 'true', serialNumber.toLowerCase().replace(/^0+/, ''), time(validTo), time(validFrom)]);
  for (const [name, , status] of rest) expect([name, status]).toEqual([name, 'WARMING']);
  const dump = (await cli(['compile', '.', '--proxy', 'istio-gate.istio-system'], { cwd: other })).stdout;
  expect(dump).not.toContain(base64(privateKey));
  expect(dump).toContain(base64(certificateChain));
});

test('secret reads what Envoy\'s admin prints', async () => {
  const { certificateChain } = await (await Authority.create()).identity('spiffe://cluster.local/ns/default/sa/front');
  const dump = {
    configs: [{
      '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump',
      'dynamic_active_secrets': [{ name: 'default', secret: { name: 'default', tls_certificate: { certificate_chain: { inline_bytes: Buffer.from(certificateChain).toString('base64') } } } }],
    }],
  };
  const lines = (await cli(['pc', 's', '-f', 'dump.json'], { cwd: folderOf({ 'dump.json': JSON.stringify(dump) }) })).stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/NOT BEFORE {15,}TRUST DOMAIN$/);
  expect(lines[1]).toMatch(/^default {11}Cert Chain {5}ACTIVE {5}true {11}[0-9a-f]+ {5}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {5}\S+Z {5}cluster\.local$/);
  expect((await cli(['pc', 's', '-f', 'none.json'], { cwd: folderOf({ 'none.json': '{"configs": []}' }) })).stdout).toBe('No secret items to show.\n');
});

test('bootstrap is what the proxy was started with', async () => {
  expect(JSON.parse(await pc('bootstrap', 'front-v1', '.'))).toMatchObject({ bootstrap: { node: { id: expect.stringMatching(/^sidecar~/), cluster: 'front-v1.default' } } });
});

const BOOKINFO = join(__dirname, '../../../shared/data/istio-samples/bookinfo');
(existsSync(BOOKINFO) ? test : test.skip)(existsSync(BOOKINFO) ? 'explains the tour\'s first task' : 'not run: the samples of Istio are not beside the project', async () => {
  const files = ['platform/kube/bookinfo.yaml', 'networking/destination-rule-all.yaml', 'networking/bookinfo-gateway.yaml', 'networking/virtual-service-reviews-test-v2.yaml'];
  const ask = (...headers: string[]) => cli(['explain', ...files, 'GET', 'http://reviews:9080/', '--from', 'productpage-v1', '-o', 'json', ...headers], { cwd: BOOKINFO });
  const jason = JSON.parse((await ask('-H', 'end-user: jason')).stdout);
  expect(jason.targets).toMatchObject([{ host: 'reviews.default.svc.cluster.local', subset: 'v2', port: 9080, percent: 100 }]);
  const others = JSON.parse((await ask()).stdout);
  expect(others.targets).toMatchObject([{ subset: 'v1', percent: 100 }]);
  expect(others.trace.find((step: { step: string; outcome: string }) => step.step === 'rule' && step.outcome === 'failed').because).toContain('end-user');
});

test('ecds lists the extensions whose configuration is asked for by name, and a dump has them as Envoy prints them', async () => {
  const plugin = 'apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: guard}\nspec: {url: oci://reg.example/guard:1}\n';
  const cwd = folderOf({ 'mesh.yaml': MESH, 'plugin.yaml': plugin });
  const { stdout } = await cli(['proxy-config', 'ecds', 'front-v1', '.'], { cwd });
  expect(stdout.split('\n').map(row => row.trimEnd().split(/ {5,}/))).toEqual([
    ['ECDS NAME', 'TYPE'],
    ['extensions.istio.io/trafficextension/default.guard~istio-translated-wasmplugin', 'envoy.extensions.filters.http.wasm.v3.Wasm'],
    [''],
  ]);
  const dump = fromJsonString(ConfigDumpSchema, (await cli(['compile', '.', '--proxy', 'front-v1.default', '-o', 'json'], { cwd })).stdout, { registry });
  expect(dump.configs.map(({ typeUrl }) => typeUrl)).toContain('type.googleapis.com/envoy.admin.v3.EcdsConfigDump');
});
