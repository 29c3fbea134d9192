import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { disagreement, urlOf } from './agreement';
import type { Answer, Arrived } from './agreement';
import { FIRST, WORKLOADS } from './meshes';
import type { GeneratedMesh, GeneratedRequest } from './meshes';
import { analyze } from '../../src/analysis';
import { createExplainer } from '../../src/analysis/explain';
import type { Explainer } from '../../src/analysis/explain';
import { resourcesOf } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';
import { notTaken } from '../support/envoy';
import type { Envoy } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';

const read = (documents: readonly object[]): Resource[] => resourcesOf(documents.map((document): unknown => JSON.parse(JSON.stringify(document))));

/** Real Envoys that take one generated mesh after the other. */
export class Lane {
  public static async start(binary: string): Promise<Lane> {
    const manifests = [...WORKLOADS, ...FIRST].map(document => JSON.stringify(document)).join('\n---\n');
    const answer = (workload: string, request: IncomingMessage): string => JSON.stringify(arrived(workload, request));
    return new Lane(await EnvoyMesh.start(binary, manifests, { drainSeconds: 0, answer }));
  }

  private agent = new Agent({ keepAlive: true });

  private constructor(private readonly mesh: EnvoyMesh) {}

  /** What is wrong with a mesh in force; undefined for one that analysis does not let through. */
  public async run({ documents, requests }: GeneratedMesh): Promise<string[] | undefined> {
    const model = this.mesh.modelWith(read([...WORKLOADS, ...documents]));
    if (analyze(model).some(({ severity }) => severity === 'error')) return undefined;
    try {
      // A connection that is kept would be served by what was there before.
      this.agent.destroy();
      this.agent = new Agent({ keepAlive: true });
      await this.mesh.serve(model);
      const found = await this.inForce();
      const explainer = createExplainer(model, { capture: 'explicit', explicit: { addressBlock: '127.1.0.0/16' } });
      for (const request of requests) {
        const wrong = await this.compare(explainer, request);
        if (wrong !== undefined) found.push(wrong);
      }
      return found;
    } catch (error) {
      return [String(error)];
    }
  }

  public async stop(): Promise<void> {
    this.agent.destroy();
    await this.mesh.stop();
  }

  /** What keeps some Envoy from having taken its configuration. */
  private async inForce(): Promise<string[]> {
    const found = await Promise.all([...this.mesh.envoys].map(async ([name, running]) => {
      const compiled = this.mesh.compiled(name);
      let problems: string[] = [];
      await running.until(name, async () => (problems = [...await draining(running), ...await notTaken(running, compiled)])).catch(() => undefined);
      return problems.map(problem => `${name}: ${problem}`);
    }));
    return found.flat();
  }

  private async compare(explainer: Explainer, request: GeneratedRequest): Promise<string | undefined> {
    const { method, headers } = request;
    const url = urlOf(request);
    const from = request.from === 'outside' ? 'outside' : `${request.from}.shop`;
    const now = Math.floor(Date.now() / 1000);
    // The kernel gives connections to loopback addresses this one.
    const foretold = explainer.explain({ method, url, headers, from, now, sourceAddress: '127.0.0.1' });
    const wrong = disagreement(foretold, await this.send(request));
    return wrong === undefined ? undefined : `${method} ${url} ${JSON.stringify(headers)} from ${request.from}: ${wrong}`;
  }

  private async send({ from, host, method, path, headers }: GeneratedRequest): Promise<Answer> {
    const { mesh, agent } = this;
    const { address, port } = from === 'outside' ? mesh.gatewayAddress('istio-ingressgateway', 80) : mesh.address(from, host, 8000);
    return new Promise((resolve, reject) => {
      const call = httpRequest({
        host: address, port, method, path, agent, timeout: 10_000, headers: { ...headers, host: from === 'outside' ? host : `${host}:8000` },
      }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => { body += chunk; });
        response.on('end', () => resolve({ status: response.statusCode!, body, location: response.headers.location, headers: response.headers as Record<string, string> }));
        response.on('error', reject);
      });
      // Nobody listens for a service that is not imported; what TCP carries is not answered for.
      const unanswered = ['ECONNREFUSED', 'ECONNRESET'];
      call.on('error', (error: NodeJS.ErrnoException) => (unanswered.includes(error.code ?? '') ? resolve({ status: 0, body: '', headers: {} }) : reject(error)));
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.end();
    });
  }
}

/** Listeners and chains of the mesh before that still serve. */
async function draining(running: Envoy): Promise<string[]> {
  const stats = await running.stats('listener_manager.total_.*_draining');
  return Object.entries(stats).filter(([, number]) => number > 0).map(([name, number]) => `${name}: ${number}`);
}

function arrived(workload: string, { method, url, headers }: IncomingMessage): Arrived {
  return { workload, method: method!, authority: headers.host ?? '', path: url!, headers: headers as Record<string, string> };
}
