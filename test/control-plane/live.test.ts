import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdsClient } from './support/ads-client';
import type { Received } from './support/ads-client';
import { directorySource, startControlPlane } from '../../runtime/control-plane';
import type { ControlPlane, ControlPlaneEvent } from '../../runtime/control-plane';
import { buildModel } from '../../src/model/model';

const MESH = (seconds: number): string => `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{timeout: ${seconds}s, route: [{destination: {host: web}}]}]}
`;

let folder: string;
let controlPlane: ControlPlane | undefined;
let client: AdsClient | undefined;

beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'live-')); });

afterEach(async () => {
  client?.close();
  await controlPlane?.close();
  rmSync(folder, { recursive: true });
});

async function follow() {
  const events: ControlPlaneEvent[] = [];
  const started = await startControlPlane({
    source: directorySource({ paths: ['.'], cwd: folder, modelOf: buildModel }), port: 0, onEvent: event => events.push(event),
  });
  controlPlane = started;
  client = new AdsClient(started.port, { id: 'sidecar~10.0.0.1~caller-0.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } });
  return { controlPlane: started, client, events };
}

const namesService = ({ response }: Received): boolean => response.resources.some(({ value }) => Buffer.from(value).includes('web.shop'));

test('a changed file is pushed as routes alone; a bad edit is told, and the last good state keeps serving', async () => {
  writeFileSync(join(folder, 'mesh.yaml'), MESH(1));
  const { client: proxy, events } = await follow();
  proxy.ask('RDS', ['80']);
  const first = await proxy.next();
  expect(namesService(first)).toBe(true);
  proxy.ack(first, ['80']);

  const start = Date.now();
  writeFileSync(join(folder, 'mesh.yaml'), MESH(2));
  const second = await proxy.next();
  expect([second.type, second.names]).toEqual(['RDS', ['80']]);
  expect(second.version).not.toBe(first.version);
  expect(Date.now() - start).toBeLessThan(1000);
  proxy.ack(second, ['80']);

  const told = new Promise<ControlPlaneEvent>(resolve => { controlPlane!.onEvent(event => { if (event.kind === 'errors') resolve(event); }); });
  writeFileSync(join(folder, 'mesh.yaml'), 'kind: [\n');
  expect(await told).toMatchObject({ errors: [{ code: 'MESH_YAML_SYNTAX' }] });
  const late = new AdsClient(controlPlane!.port, { id: 'sidecar~10.0.0.2~late-0.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } });
  late.ask('RDS', ['80']);
  expect((await late.next()).version).toBe(second.version);
  late.close();

  writeFileSync(join(folder, 'mesh.yaml'), MESH(3));
  const third = await proxy.next();
  expect([third.type, [first.version, second.version].includes(third.version)]).toEqual(['RDS', false]);
  expect(events.filter(({ kind }) => kind === 'rejected')).toEqual([]);
});

test('proxies of one scope are sent the same version of everything they share', async () => {
  writeFileSync(join(folder, 'mesh.yaml'), MESH(1));
  const { client: one } = await follow();
  const two = new AdsClient(controlPlane!.port, { id: 'sidecar~10.0.0.2~caller-1.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop' } });
  for (const proxy of [one, two]) proxy.ask('RDS', ['80']);
  expect((await one.next()).version).toBe((await two.next()).version);
  two.close();
});
