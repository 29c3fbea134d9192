import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { Chart, Testing, Yaml } from 'cdk8s';
import {
  AccessLog, LogProvider, Mesh, MeshPort, MeshService, Telemetry, WorkloadMode, TraceTag, Tracing, TracingProvider,
} from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { get } from '../support/http-get';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;
const TRACE = '0af7651916cd43dd8448eb211c80319c';

function manifests(logFile: string): string {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  const mesh = new Mesh(chart, 'mesh');
  const service = (name: string, port: MeshPort) => {
    const made = new MeshService(chart, name, { ports: [port] });
    made.addVersion('v1', { containers: [{ image: 'example' }] });
    return made;
  };
  service('front', MeshPort.http(18080));
  const accounts = service('accounts', MeshPort.http(18080));
  const collector = service('collector', MeshPort.grpc(14317));
  const tracing = Tracing.to(TracingProvider.openTelemetry(collector), { percent: 100, tags: { team: TraceTag.literal('of the shop'), user: TraceTag.header('x-user') } });
  new Telemetry(chart, 'all', { mesh, tracing });
  const fields = { code: '%RESPONSE_CODE%', path: '%REQ(:PATH)%' };
  new Telemetry(chart, 'errors', {
    mesh,
    service: accounts,
    tracing,
    accessLogs: [AccessLog.to(LogProvider.json({ path: logFile, fields }), { filter: 'request.url_path.startsWith("/logged")', mode: WorkloadMode.SERVER })],
  });
  return Yaml.stringify(...Testing.synth(chart));
}

describeReal(['envoy'], 'what real Envoys report', paths => {
  const folder = mkdtempSync(join(tmpdir(), 'observed-'));
  const logFile = join(folder, 'access.log');
  const exported: Buffer[] = [];
  let arrived = (): void => undefined;
  let collector: GrpcServer;
  let mesh: EnvoyMesh;

  beforeAll(async () => {
    const take: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
      exported.push(request);
      callback(null, Buffer.alloc(0));
      arrived();
    };
    collector = new GrpcServer();
    collector.addService(TRACES, { export: take });
    const port = await new Promise<number>((resolve, reject) => {
      collector.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    mesh = await EnvoyMesh.start(paths.envoy!, manifests(logFile), { applications: { 'collector-v1': port } });
  }, START_MS);

  afterAll(async () => {
    await mesh?.stop();
    collector?.forceShutdown();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  const ask = async (path: string, headers: Record<string, string> = {}) => (
    get({ ...mesh.address('front-v1', 'accounts', 18080), path, headers: { host: 'accounts:18080', ...headers } }));

  test('all is taken, nothing left warming', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
  }, START_MS);

  test('a line of the log has the fields asked for, and requests that the filter leaves out have none', async () => {
    await ask('/other');
    await ask('/logged/1');
    let lines: string[] = [];
    await mesh.envoys.get('accounts-v1')!.until('a line of the access log', async () => {
      lines = readFileSync(logFile, 'utf8').split('\n').filter(line => line !== '');
      return lines.length > 0 ? [] : ['none'];
    });
    expect(lines.map(line => JSON.parse(line))).toEqual([{ code: 200, path: '/logged/1' }]);
  }, START_MS);

  test('spans of one trace arrive from both ends, with their tags', async () => {
    const trace = Buffer.from(TRACE, 'hex');
    // Each span names its proxy.
    const wanted = ['~front-v1.shop~', '~accounts-v1.shop~', 'of the shop', 'ann'];
    const spans = () => exported.filter(each => each.includes(trace));
    const both = new Promise<void>(resolve => {
      arrived = () => { if (wanted.every(part => spans().some(each => each.includes(part)))) resolve(); };
    });
    await ask('/traced', { 'traceparent': `00-${TRACE}-b7ad6b7169203331-01`, 'x-user': 'ann' });
    await both;
  }, START_MS);
});

const bytes = (value: Buffer): Buffer => value;
/** OpenTelemetry's service; its answer is empty. */
const TRACES = {
  export: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};
