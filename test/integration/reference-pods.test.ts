import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Testing } from 'cdk8s';
import { buildRuntime, Kubelet } from './pods';
import type { Manifest } from './pods';
import { HeaderMatch, Mesh, MeshPort, MeshService, ReferenceControlPlane, ReferenceProxy, RouteMatch, RouteTarget } from '../../src';
import { freePort, reserveLoopback } from '../support/loopback';
import type { LoopbackBlocks } from '../support/loopback';

const ROOT = resolve(__dirname, '../..');
const PORT = 9080;

/** Bookinfo with the reference mesh in its Pods. */
function synthesize(bundle: string): Manifest[] {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  const controlPlane = new ReferenceControlPlane(chart, 'control-plane', { bundle });
  const service = (name: string, ...versions: string[]) => {
    const made = new MeshService(chart, name, { ports: [MeshPort.http(PORT)] });
    return {
      made,
      versions: versions.map((version) => {
        const added = made.addVersion(version, { replicas: 1, containers: [{ image: name }] });
        new ReferenceProxy(chart, `${name}-${version}-proxy`, { controlPlane, workload: added.workload });
        return added;
      }),
    };
  };
  service('productpage', 'v1');
  service('details', 'v1');
  service('ratings', 'v1');
  const { made: reviews, versions: [v1, v2, v3] } = service('reviews', 'v1', 'v2', 'v3');
  reviews.addRoute('jason', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })], targets: [RouteTarget.to(v2)], priority: 10 });
  reviews.addRoute('mary', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'mary')] })], targets: [RouteTarget.to(v3)], priority: 9 });
  reviews.addRoute('others', { targets: [RouteTarget.to(v1)] });
  return Testing.synth(chart) as Manifest[];
}

interface Answer { readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly body: any }

function get(host: string, port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((done, failed) => {
    http.get({ host, port, path, headers, agent: false, timeout: 5000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => done({ status: response.statusCode!, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }));
    }).on('error', failed);
  });
}

/** Asks until an answer is as wanted: Pods become ready in their own time. */
async function eventually(ask: () => Promise<Answer>, wanted: (answer: Answer) => boolean, kubelet: Kubelet, ms = 30_000): Promise<Answer> {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask().catch((error: Error) => ({ status: 0, headers: {}, body: error.message }));
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`no such answer, last ${JSON.stringify(answer)}; the Pods said:\n${kubelet.said}`);
    await new Promise(next => setTimeout(next, 50));
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-bundle-'));
let blocks: LoopbackBlocks;
let kubelet: Kubelet;
const address: Record<string, string> = {};

beforeAll(async () => {
  blocks = await reserveLoopback();
  const manifests = synthesize(buildRuntime(scratch));
  kubelet = new Kubelet(manifests);
  const [xds, health] = [await freePort(), await freePort()];
  const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
  for (const [index, deployment] of deployments.filter(({ metadata }) => !metadata.name.includes('control-plane')).entries()) {
    const { metadata: { name }, spec } = deployment;
    const { metadata: { labels }, spec: pod } = spec!.template;
    const ip = address[name] = `127.${blocks.block(index)}.0.1`;
    const own = (text: string): string => text.replace(/^127\.1\./, `127.${blocks.block(index)}.`);
    const appPort = await freePort();
    // All Pods of this machine share one network: the application has a port of its own, and the names of hostAliases come by environment.
    const services = Object.fromEntries(pod.hostAliases!.flatMap(({ ip: alias, hostnames: [host] }) => {
      const variable = `${host.toUpperCase().replace(/-/g, '_')}_SERVICE`;
      return [[`${variable}_HOST`, own(alias)], [`${variable}_PORT`, String(PORT)]];
    }));
    kubelet.start(['node', join(ROOT, `examples/bookinfo/services/${labels.app}.mjs`)], {
      ...services, HOST: '127.0.0.1', PORT: String(appPort), SERVICE_VERSION: labels.version, POD_NAME: `${name}-abc`,
    });
    kubelet.run(pod, pod.containers.find(container => container.name === 'mesh-proxy')!,
      { 'metadata.name': `${name}-abc`, 'metadata.namespace': 'default', 'status.podIP': ip },
      [['cdk8s-mesh-control-plane.default.svc:15010', `127.0.0.1:${xds}`], ['15000', '0']],
      { ADDRESS_BLOCK: `127.${blocks.block(index)}.0.0/16`, APP_PORTS: JSON.stringify({ [PORT]: String(appPort) }) });
  }
  const plane = deployments.find(({ metadata }) => metadata.name.includes('control-plane'))!.spec!.template.spec;
  kubelet.run(plane, plane.containers[0], {}, [['15010', String(xds)], ['15014', String(health)], ['0.0.0.0', '127.0.0.1']]);
  await eventually(() => get('127.0.0.1', health, '/healthz/ready'), ({ status }) => status === 200, kubelet);
  for (const ip of Object.values(address)) await eventually(() => get(ip, 15021, '/healthz/ready'), ({ status }) => status === 200, kubelet);
}, 120_000);

afterAll(async () => {
  await kubelet?.stop();
  await blocks?.release();
  rmSync(scratch, { recursive: true, force: true });
});

/** The page's parts, asked of productpage through its proxy; productpage asks reviews through its own and that of reviews. */
const reviewsFor = (user: string) => get(address['productpage-v1'], PORT + 10_000, '/api/v1/products/0/reviews', {
  host: `productpage:${PORT}`, ...user !== '' && { 'end-user': user },
});

test('the commands of the rendered Pods serve Bookinfo through both hops', async () => {
  const whole = await eventually(() => get(address['productpage-v1'], PORT + 10_000, '/productpage', { host: `productpage:${PORT}` }),
    ({ status, body }) => status === 200 && String(body).includes('The Comedy of Errors'), kubelet);
  expect(whole.headers.server).toBeDefined();
  const direct = await eventually(() => get(address['reviews-v2'], PORT + 10_000, '/reviews/0', { host: `reviews:${PORT}` }), ({ status, body }) => status === 200 && body.ratingsServedBy !== undefined, kubelet);
  expect(direct.body).toMatchObject({ servedBy: { version: 'v2' }, ratingsServedBy: { service: 'ratings' } });
});

test.each([['jason', 'v2', true], ['mary', 'v3', true], ['', 'v1', false]])('routes of "%s" lead to %s', async (user, version, stars) => {
  const { body } = await eventually(() => get(address['productpage-v1'], PORT + 10_000, '/api/v1/products/0/reviews', { host: `productpage:${PORT}`, ...user !== '' && { 'end-user': user } }),
    ({ status, body: answer }) => status === 200 && answer.servedBy?.version === version, kubelet);
  expect(body.reviews[0].rating !== undefined).toBe(stars);
  expect((await reviewsFor(user)).body.servedBy.version).toBe(version);
});
