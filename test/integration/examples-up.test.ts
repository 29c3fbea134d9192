import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Chart, Testing, Yaml } from 'cdk8s';
import { Canary } from '../../examples/canary/main';
import { ExternalServices } from '../../examples/external-services/main';
import { envoyDataPlane } from '../../runtime/cli/up/envoy';
import { Authority } from '../../runtime/control-plane/ca/authority';
import { describeReal } from '../support/real-parts';
import { RunningMesh } from '../support/tour/running-mesh';

const START_MS = 400_000; // others may be running a mesh
const REQUESTS = 2_000;

const yamlOf = (chart: Chart): string => Yaml.stringify(...Testing.synth(chart));

describeReal(['envoy'], 'examples under up with real Envoy', ({ envoy }) => {
  let mesh: RunningMesh;
  const start = async (manifests: string) => RunningMesh.start(envoyDataPlane({ ...process.env, ENVOY_BIN: envoy }), manifests);
  afterEach(async () => {
    const { troubles } = mesh;
    await mesh.stop();
    expect(troubles).toEqual([]);
  }, START_MS);

  test('canary: each step does what it says, while requests go on', async () => {
    const at = (step: number) => new Canary(Testing.app(), 'canary', step);
    const reviews = { from: 'front-v1', url: 'http://reviews:9080/' };
    const got = async (cookie: string) => (await mesh.ask({ ...reviews, headers: { cookie } })).got;
    mesh = await start(yamlOf(at(0)));
    expect([await got('beta=on'), await got('beta=off')]).toEqual(['reviews-v2', 'reviews-v1']);

    expect(await mesh.change(yamlOf(at(3)))).toEqual([]);
    const counts = await mesh.askOften(reviews, REQUESTS);
    expect([...counts.keys()].sort()).toEqual(['reviews-v1', 'reviews-v2']);
    // 30 % within five standard deviations: one run in a million is unlucky
    const spread = 5 * Math.sqrt(0.3 * 0.7 / REQUESTS);
    expect(Math.abs(counts.get('reviews-v2')! / REQUESTS - 0.3)).toBeLessThan(spread);
    expect(await got('canary=v2')).toBe('reviews-v2');

    expect(await mesh.change(yamlOf(at(5)))).toEqual([]);
    expect(await mesh.askOften(reviews, 50)).toEqual(new Map([['reviews-v2', 50]]));
  }, START_MS);

  test('external services: plain HTTP of the application arrives outside as TLS, from the pod or by the egress gateway', async () => {
    const outside = await Outside.start();
    try {
      const manifests: any[] = Testing.synth(new ExternalServices(Testing.app(), 'external-services'));
      mesh = await start(outside.insteadOfDns(manifests));
      const ask = async (url: string) => mesh.ask({ from: 'orders-v1', url });
      expect(await ask('http://rates.example/eur')).toMatchObject({ status: 200, got: 'rates.example', seen: { host: 'rates.example', path: '/eur' } });
      expect(await ask('http://pay.example/charge')).toMatchObject({ status: 200, got: 'pay.example', seen: { host: 'pay.example', path: '/charge' } });
      expect(outside.names).toEqual(['rates.example', 'pay.example']);
    } finally {
      await outside.stop();
    }
  }, START_MS);
});

/** The world outside: one server on this machine, by TLS. It answers as stand-ins do, in the name of the handshake. */
class Outside {
  public static async start(): Promise<Outside> {
    const authority = await Authority.create();
    const { certificateChain: cert, privateKey: key } = await authority.identity('spiffe://outside/server');
    const outside = new Outside(authority.rootCertificate);
    outside.server = createServer({ cert, key }, (request, response) => response.end(outside.answer(request)));
    await new Promise<void>(resolve => { outside.server!.listen(0, '127.0.0.1', resolve); });
    return outside;
  }

  /** Names in the handshakes of requests. */
  public readonly names: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-outside-'));
  private server?: Server;

  private constructor(private readonly root: string) {}

  /** The manifests with this server in the place of hosts in DNS, and its authority in the place of the world's. */
  public insteadOfDns(manifests: readonly any[]): string {
    const authorities = join(this.folder, 'ca.crt');
    writeFileSync(authorities, this.root);
    const endpoints = [{ address: '127.0.0.1', ports: { http: (this.server!.address() as AddressInfo).port } }];
    const here = manifests.map(each => (each.kind === 'ServiceEntry' && each.spec.resolution === 'DNS' ? { ...each, spec: { ...each.spec, resolution: 'STATIC', endpoints } } : each));
    return Yaml.stringify(...here).replaceAll('/etc/ssl/certs/ca-certificates.crt', authorities);
  }

  public async stop(): Promise<void> {
    this.server!.closeAllConnections();
    await new Promise(resolve => { this.server!.close(resolve); });
    rmSync(this.folder, { recursive: true, force: true });
  }

  private answer({ socket, url, headers }: IncomingMessage): string {
    const name = String((socket as TLSSocket & { readonly servername?: string }).servername);
    this.names.push(name);
    return JSON.stringify({ pod: name, host: headers.host, path: url, headers });
  }
}
