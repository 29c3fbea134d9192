import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get as httpGet, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ask } from './scenario';
import { takeTurn } from './turn';
import type { RequestLine } from '../../../runtime/cli/up/access-format';
import type { DataPlane } from '../../../runtime/cli/up/data-plane';
import { Directory } from '../../../runtime/cli/up/environment';
import type { UpEvent } from '../../../runtime/cli/up/events';
import { runUp } from '../../../runtime/cli/up/up';
import type { UpHandle } from '../../../runtime/cli/up/up';
import { MeshError } from '../../../src/model/error';
import { findWorkload } from '../../../src/model/find-workload';
import { proxyOf } from '../../../src/model/proxy';

/** What a sender got. */
export interface Observed {
  /** In the words of `Row.gets`. */
  readonly got: string;
  readonly seconds: number;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The request as the answering Pod saw it; absent where a proxy answered. */
  readonly seen?: { readonly host: string; readonly path: string; readonly headers: IncomingHttpHeaders };
  /** What the sender's proxy, or the gateway, wrote about it; absent for TLS, which it cannot read. */
  readonly logged?: RequestLine;
}

const PATIENCE_MS = 15_000;
const BUSY_MS = 60_000;
const REQUEST_MS = 20_000;
const CONNECTIONS = 32;

/** A mesh that `up` runs, whose manifests change while it runs. */
export class RunningMesh {
  public static async start(dataPlane: DataPlane, manifests: string): Promise<RunningMesh> {
    const leave = await takeTurn();
    const mesh = new RunningMesh(mkdtempSync(join(tmpdir(), 'cdk8s-mesh-tour-')), leave);
    try {
      mesh.write(manifests);
      mesh.up = await mesh.run(dataPlane, Date.now() + BUSY_MS);
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  /** What went wrong on the way, unasked for: a proxy that ended, a configuration that a proxy rejected. */
  public readonly troubles: string[] = [];
  private up?: UpHandle;
  private readonly abort = new AbortController();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  private readonly waiting = new Set<(event: UpEvent) => void>();
  private readonly logged = new Map<string, RequestLine>();
  private tags = 0;

  private constructor(private readonly folder: string, private readonly leave: () => Promise<void>) {}

  /** Ends everything. */
  public async stop(): Promise<void> {
    this.abort.abort();
    this.agent.destroy();
    await this.up?.close();
    rmSync(this.folder, { recursive: true, force: true });
    await this.leave();
  }

  /** Puts other manifests in the place of the present ones. Resolves to the errors they are refused with, or to none once all proxies have taken them. */
  public async change(manifests: string): Promise<readonly string[]> {
    const answer = this.event('an answer to changed manifests', event => (event.kind === 'changed' || event.kind === 'rejected' ? event : undefined));
    this.write(manifests);
    const event = await answer;
    if (event.kind === 'rejected') return event.errors;
    const { controlPlane } = this.running;
    await Promise.all(controlPlane.status().map(async ({ id }) => controlPlane.synced(id, { timeoutMs: PATIENCE_MS })));
    return [];
  }

  /** Sends one request. */
  public async ask(ask: Ask, ca?: string): Promise<Observed> {
    const url = new URL(ask.url);
    const tls = url.protocol === 'https:';
    if (!tls) url.search += `${url.search === '' ? '?' : '&'}ask=${this.tags += 1}`;
    const start = performance.now();
    const { response, body } = await this.send(ask.from, url, ask.headers, ca);
    const seconds = (performance.now() - start) / 1000;
    const logged = tls ? undefined : await this.lineOf(url.searchParams.get('ask')!);
    const { statusCode: status = 0, headers } = response;
    const answer = parsed(body);
    const common = { seconds, status, headers, ...(logged !== undefined && { logged }) };
    if (answer === undefined) return { ...common, got: `${status} ${logged?.flags ?? ''}`.trim() };
    return { ...common, got: wordsOf(answer), seen: { host: answer.host, path: withoutTag(answer.path), headers: answer.headers } };
  }

  /** Sends a request many times, from many senders at once over kept connections; how often each answer came. */
  public async askOften(ask: Ask, count: number): Promise<ReadonlyMap<string, number>> {
    const url = new URL(ask.url);
    const counts = new Map<string, number>();
    let left = count;
    const sender = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const { response, body } = await this.send(ask.from, url, ask.headers);
        const answer = parsed(body);
        const words = answer === undefined ? String(response.statusCode) : wordsOf(answer);
        counts.set(words, (counts.get(words) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, sender));
    return counts;
  }

  /** `/config_dump` of the proxy that decides what becomes of requests from a sender. */
  public async configOf(from: string): Promise<unknown> {
    const { workloads } = this.running;
    const { admin } = workloads.find(({ name, application }) => (from === 'gateway' ? application === 'none' : name.startsWith(`${from}.`)))!;
    return new Promise((resolve, reject) => {
      httpGet(`${admin}/config_dump`, response => void bodyOf(response).then(body => resolve(JSON.parse(body)), reject)).on('error', reject);
    });
  }

  /** Somebody's own `up` on this machine may hold the same addresses; it is waited for. */
  private async run(dataPlane: DataPlane, end: number): Promise<UpHandle> {
    try {
      return await runUp({
        paths: ['mesh.yaml'], cwd: this.folder, env: process.env, dataPlane, loopback: 'block', signal: this.abort.signal, on: event => this.take(event),
      });
    } catch (error) {
      if (!(error instanceof MeshError && error.code === 'MESH_ADDRESS_IN_USE') || Date.now() > end) throw error;
    }
    return this.run(dataPlane, end);
  }

  private get running(): UpHandle {
    if (this.up === undefined) throw new Error('the mesh does not run');
    return this.up;
  }

  private write(manifests: string): void {
    writeFileSync(join(this.folder, 'mesh.yaml'), manifests);
  }

  private async send(
    from: string, url: URL, headers: Readonly<Record<string, string>> = {}, ca?: string,
  ): Promise<{ response: IncomingMessage; body: string }> {
    const tls = url.protocol === 'https:';
    const { host, port } = this.dialled(from, url.hostname, Number(url.port || (tls ? 443 : 80)));
    const options = { host, port, path: `${url.pathname}${url.search}`, headers: { ...headers, host: url.host }, timeout: REQUEST_MS };
    const attempt = async (again: boolean): Promise<{ response: IncomingMessage; body: string }> => new Promise((resolve, reject) => {
      // The outside host's certificate says who made it, not its DNS name.
      const call = tls ? httpsRequest({ ...options, agent: false, servername: url.hostname, ca, checkServerIdentity: () => undefined })
        : httpRequest({ ...options, agent: this.agent });
      call.on('response', response => void bodyOf(response).then(body => resolve({ response, body }), reject));
      call.on('timeout', () => call.destroy(new Error(`no answer to ${url.href} within ${REQUEST_MS / 1000} s`)));
      call.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection may be closed, by a listener that changed, just when it is taken up again.
        if (again && call.reusedSocket && error.code === 'ECONNRESET') attempt(false).then(resolve, reject);
        else reject(error);
      });
      call.end();
    });
    return attempt(true);
  }

  /** The address that a sender connects to. */
  private dialled(from: string, host: string, port: number): { host: string; port: number } {
    const { model, gateways, workloads } = this.running;
    if (from === 'gateway') {
      const wanted = targetPortOf(model, port);
      const gateway = gateways.find(each => each.port === wanted) ?? gateways.find(each => each.port === wanted + 10_000);
      if (gateway === undefined) throw new Error(`no gateway listens on port ${wanted}, only on ${gateways.map(each => each.port).join(', ')}`);
      return { host: gateway.address, port: gateway.port };
    }
    const workload = findWorkload(model, from);
    const { ip } = workloads.find(({ name }) => name.startsWith(`${from}.`))!;
    const block = ip.replace(/\.0\.1$/, '.0.0/16');
    const found = new Directory(model, proxyOf(model, workload, { capture: 'explicit', explicit: { addressBlock: block } })).dial(host, port);
    if (found === undefined) throw new Error(`${from} knows no ${host}:${port}`);
    return found;
  }

  private take(event: UpEvent): void {
    if (event.kind === 'request') {
      const tag = /[?&]ask=(\d+)$/.exec(event.request.path)?.[1];
      if (tag !== undefined) this.logged.set(tag, event.request);
    } else if (event.kind === 'failed') {
      this.troubles.push(`${event.name}: ${event.reason}`);
    } else if (event.kind === 'rejected') {
      this.troubles.push(...event.errors.filter(error => / rejected /.test(error)));
    }
    for (const listener of [...this.waiting]) listener(event);
  }

  private async lineOf(tag: string): Promise<RequestLine> {
    const line = this.logged.get(tag) ?? await this.event(`the access log line of request ${tag}`, () => this.logged.get(tag));
    this.logged.delete(tag);
    return line;
  }

  private async event<T>(what: string, pick: (event: UpEvent) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const listener = (event: UpEvent): void => {
        const picked = pick(event);
        if (picked === undefined) return;
        clearTimeout(timer);
        this.waiting.delete(listener);
        resolve(picked);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(listener);
        reject(new Error(`${what} did not come within ${PATIENCE_MS / 1000} s${this.troubles.map(trouble => `\n  ${trouble}`).join('')}`));
      }, PATIENCE_MS);
      this.waiting.add(listener);
    });
  }
}

/** The port of the gateway's Pod behind a port of its Service. */
function targetPortOf(model: UpHandle['model'], port: number): number {
  const gateway = model.workloads.find(workload => workload.gateway);
  return gateway === undefined ? port : model.targetsOf(gateway).find(target => target.port.number === port)?.targetPort ?? port;
}

/** What a stand-in answers. */
interface StandInAnswer {
  readonly pod: string;
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly called?: { readonly status?: number; readonly body?: unknown; readonly error?: string };
}

function parsed(body: string): StandInAnswer | undefined {
  if (!body.startsWith('{')) return undefined;
  return JSON.parse(body) as StandInAnswer;
}

function wordsOf({ pod, called }: StandInAnswer): string {
  if (called === undefined) return pod;
  const { status, body, error } = called;
  return `${pod} → ${error ?? (typeof body === 'object' ? wordsOf(body as StandInAnswer) : status)}`;
}

const withoutTag = (path: string): string => path.replace(/[?&]ask=\d+$/, '');

async function bodyOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = '';
    response.setEncoding('utf8').on('data', (chunk: string) => { body += chunk; });
    response.on('end', () => resolve(body));
    response.on('error', reject);
  });
}
