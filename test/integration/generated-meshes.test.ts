import { Agent, request as httpRequest } from 'node:http';
import * as fc from 'fast-check';
import { analyze } from '../../src/analysis';
import { createExplainer } from '../../src/analysis/explain';
import type { Explainer } from '../../src/analysis/explain';
import { createCompiler } from '../../src/compiler/compiler';
import { disagreement, urlOf } from '../generated/agreement';
import type { Answer } from '../generated/agreement';
import { FIRST, meshes, WORKLOADS } from '../generated/meshes';
import type { GeneratedMesh, GeneratedRequest } from '../generated/meshes';
import { notTaken } from '../support/envoy';
import type { Envoy } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

/** A few at the desk, 200 in `.ci/run`; `GENERATED_MESHES=5000` is the long run, and `GENERATED_SEED` begins elsewhere. */
const RUNS = Number(process.env.GENERATED_MESHES ?? (process.env.CI === 'true' ? 200 : 20));
const SEED = Number(process.env.GENERATED_SEED ?? 20260701);
/** So many come of one seed; the next batch has the next one. */
const BATCH = 100;
/** At most this many problems are told. */
const TOLD = 10;

const yaml = (documents: readonly object[]): string => documents.map(document => JSON.stringify(document)).join('\n---\n');

describeReal(['envoy'], 'generated meshes', ({ envoy }) => {
  let agent = new Agent({ keepAlive: true });
  let mesh: EnvoyMesh;

  beforeAll(async () => { mesh = await EnvoyMesh.start(envoy!, yaml([...WORKLOADS, ...FIRST]), { drainSeconds: 0 }); }, 120_000);
  afterAll(async () => {
    agent.destroy();
    await mesh?.stop();
  }, 30_000);

  test(`${RUNS} meshes: Envoy activates all that analysis lets through, and answers as the simulator foretells`, async () => {
    const problems: string[] = [];
    let batch: GeneratedMesh[] = [];
    let letThrough = 0;
    let requests = 0;
    for (let tried = 0; letThrough < RUNS && problems.length < TOLD; tried++) {
      const seed = SEED + Math.floor(tried / BATCH);
      if (tried % BATCH === 0) batch = fc.sample(meshes, { numRuns: BATCH, seed });
      const generated = batch[tried % BATCH]!;
      const text = yaml([...WORKLOADS, ...generated.documents]);
      const model = mesh.modelOf(text);
      if (analyze(model).some(({ severity }) => severity === 'error')) continue;
      letThrough += 1;
      const found: string[] = [];
      try {
        // A connection that is kept would be served by what was there before.
        agent.destroy();
        agent = new Agent({ keepAlive: true });
        await mesh.update(text);
        found.push(...await inForce());
        const explainer = createExplainer(model, { capture: 'explicit', explicit: { addressBlock: '127.1.0.0/16' } });
        for (const request of generated.requests) {
          requests += 1;
          const wrong = await compare(explainer, request);
          if (wrong !== undefined) found.push(wrong);
        }
      } catch (error) {
        found.push(String(error));
      }
      if (found.length > 0) problems.push(`mesh ${tried % BATCH} of seed ${seed}: ${found.slice(0, 3).join('\n    ')}\n    ${JSON.stringify(generated.documents)}`);
    }
    process.stdout.write(`${letThrough} generated meshes, ${requests} requests, ${problems.length} problems\n`);
    expect(problems).toEqual([]);
    expect(letThrough).toBe(RUNS);
  }, 60_000 + RUNS * 5_000);

  /** What keeps some Envoy from having taken its configuration. */
  async function inForce(): Promise<string[]> {
    const compiler = createCompiler(mesh.controlPlane.model);
    const found = await Promise.all([...mesh.proxies].map(async ([name, proxy]) => {
      const compiled = compiler.compile(proxy);
      const running = mesh.envoys.get(name)!;
      let problems: string[] = [];
      await running.until(name, async () => (problems = [...await draining(running), ...await notTaken(running, compiled)])).catch(() => undefined);
      return problems.map(problem => `${name}: ${problem}`);
    }));
    return found.flat();
  }

  /** Listeners and chains of the mesh before that still serve. */
  async function draining(running: Envoy): Promise<string[]> {
    const stats = await running.stats('listener_manager.total_.*_draining');
    return Object.entries(stats).filter(([, number]) => number > 0).map(([name, number]) => `${name}: ${number}`);
  }

  async function compare(explainer: Explainer, request: GeneratedRequest): Promise<string | undefined> {
    const url = urlOf(request);
    const from = request.from === 'outside' ? 'outside' : `${request.from}.shop`;
    // The kernel gives connections to loopback addresses this one.
    const foretold = explainer.explain({ method: request.method, url, headers: request.headers, from, sourceAddress: '127.0.0.1' });
    const wrong = disagreement(foretold, await send(request));
    return wrong === undefined ? undefined : `${request.method} ${url} ${JSON.stringify(request.headers)} from ${request.from}: ${wrong}`;
  }

  async function send({ from, host, method, path, headers }: GeneratedRequest): Promise<Answer> {
    const { address, port } = from === 'outside' ? mesh.gatewayAddress('istio-ingressgateway', 80) : mesh.address(from, host, 8000);
    return new Promise((resolve, reject) => {
      const call = httpRequest({
        host: address, port, method, path, agent, timeout: 10_000, headers: { ...headers, host: from === 'outside' ? host : `${host}:8000` },
      }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => { body += chunk; });
        response.on('end', () => resolve({ status: response.statusCode!, body, location: response.headers.location }));
        response.on('error', reject);
      });
      // Nobody listens for a service that is not imported; what TCP carries is not answered for.
      const unanswered = ['ECONNREFUSED', 'ECONNRESET'];
      call.on('error', (error: NodeJS.ErrnoException) => (unanswered.includes(error.code ?? '') ? resolve({ status: 0, body: '' }) : reject(error)));
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.end();
    });
  }
});
