import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { Chart, Testing, Yaml } from 'cdk8s';
import { AccessOperation, AuthorizationRule, ExtAuthz, ExternalAuthorizer, Mesh, MeshPort, MeshService } from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { get } from '../support/http-get';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;

/** Two services, each with an authorizer of its own that is asked about everything below /admin. */
function manifests(): string {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  const mesh = new Mesh(chart, 'mesh');
  const service = (name: string, port: MeshPort) => {
    const made = new MeshService(chart, name, { ports: [port] });
    made.addVersion('v1', { containers: [{ image: 'example' }] });
    return made;
  };
  const rule = (to: MeshService, ask: ExtAuthz) => new AuthorizationRule(chart, `${to.name}-admin`, {
    to,
    authorizer: new ExternalAuthorizer(chart, `for-${to.name}`, { mesh, ask, statusOnError: 503 }),
    operations: [AccessOperation.http({ paths: ['/admin/*'] })],
  });
  service('front', MeshPort.http(18080));
  rule(service('orders', MeshPort.http(18080)), ExtAuthz.http(service('by-http', MeshPort.http(18000)), {
    requestHeaders: ['x-user'], additionalHeaders: { 'x-asked-by': 'mesh' }, headersToDownstreamOnDeny: ['x-because'],
  }));
  rule(service('accounts', MeshPort.http(18080)), ExtAuthz.grpc(service('by-grpc', MeshPort.grpc(19191))));
  return Yaml.stringify(...Testing.synth(chart));
}

describeReal(['envoy'], 'external authorizers asked by real Envoys', paths => {
  const asked: IncomingHttpHeaders[] = [];
  let byHttp: Server;
  let byGrpc: GrpcServer;
  let mesh: EnvoyMesh;

  beforeAll(async () => {
    byHttp = createServer((request, response) => {
      asked.push(request.headers);
      response.writeHead(request.headers['x-user'] === 'ann' ? 200 : 403, { 'x-because': 'not ann', 'x-secret': 'hidden' }).end('who are you?');
    });
    await new Promise<void>(resolve => { byHttp.listen(0, '127.0.0.1', resolve); });
    byGrpc = new GrpcServer();
    byGrpc.addService(AUTHORIZATION, { check });
    const grpcPort = await new Promise<number>((resolve, reject) => {
      byGrpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
    });
    const applications = { 'by-http-v1': (byHttp.address() as AddressInfo).port, 'by-grpc-v1': grpcPort };
    mesh = await EnvoyMesh.start(paths.envoy!, manifests(), { applications });
  }, START_MS);

  afterAll(async () => {
    await mesh?.stop();
    byGrpc?.forceShutdown();
    byHttp?.closeAllConnections();
    await new Promise(resolve => { byHttp?.close(resolve); });
  }, START_MS);

  const ask = async (service: string, path: string, headers: Record<string, string> = {}) => (
    get({ ...mesh.address('front-v1', service, 18080), path, headers: { host: `${service}:18080`, ...headers } }));

  test('all is taken, nothing left warming', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
  }, START_MS);

  test('one that speaks HTTP: allows, refuses with its own headers, is told what it asked for, and is not asked about the rest', async () => {
    expect(await ask('orders', '/admin/x', { 'x-user': 'ann', 'x-other': '1' })).toMatchObject({ status: 200, body: 'orders-v1' });
    expect(asked.at(-1)).toMatchObject({ 'x-user': 'ann', 'x-asked-by': 'mesh' });
    expect(asked.at(-1)).not.toHaveProperty('x-other');
    const refused = await ask('orders', '/admin/x');
    expect(refused).toMatchObject({ status: 403, body: 'who are you?', headers: { 'x-because': 'not ann' } });
    expect(refused.headers).not.toHaveProperty('x-secret');
    const before = asked.length;
    expect(await ask('orders', '/')).toMatchObject({ status: 200, body: 'orders-v1' });
    expect(asked.length).toBe(before);
  });

  test('one that speaks gRPC: allows and refuses; while it fails, callers get the status of errors', async () => {
    expect(await ask('accounts', '/admin/x')).toMatchObject({ status: 200, body: 'accounts-v1' });
    expect(await ask('accounts', '/admin/closed')).toMatchObject({ status: 403 });
    expect(await ask('accounts', '/admin/broken')).toMatchObject({ status: 503 });
    expect(await ask('accounts', '/closed')).toMatchObject({ status: 200, body: 'accounts-v1' });
  });
});

/** Envoy's service, of whose messages only these bytes matter. */
const bytes = (value: Buffer): Buffer => value;
const AUTHORIZATION = {
  check: {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};
const OK = Buffer.alloc(0);
/** `CheckResponse { status { code: PERMISSION_DENIED } }`. */
const DENIED = Buffer.from([0x0a, 0x02, 0x08, status.PERMISSION_DENIED]);

const check: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
  if (request.includes('/admin/broken')) callback({ code: status.INTERNAL });
  else callback(null, request.includes('/admin/closed') ? DENIED : OK);
};
