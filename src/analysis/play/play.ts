import { Applications, type Answerer } from './applications';
import type { PlayedRequest, PlayedTarget } from './played';
import {
  Clock, decide, matchRoute, notFound, RunningProxy, transportTo,
  type Answer, type ClusterTable, type Draw, type Forward, type Host, type HttpRequestFacts, type HttpTerminal, type Onward, type Phase, type Played,
  type Reaction, type UpstreamEnd, type UpstreamTransport,
} from '../../evaluator';
import { MeshError } from '../../model/error';
import type { Model } from '../../model/model';
import { headersOf, sourceOf } from '../explain/access';
import { hear, meet } from '../explain/client-side';
import { entriesOf, lookUp, type Entry } from '../explain/entry';
import type { RequestSpec } from '../explain/explanation';
import { proxiesOf, type Proxies, type ProxiesOptions, type ReadyProxy } from '../explain/proxies';
import { arrive, sentBy, type Passing, type SentRequest } from '../explain/server-side';
import { parseClusterName } from '../explain/targets';
import { parseUrl, type RequestUrl } from '../explain/url';
import { walk } from '../explain/walk';

/** A request on its way. */
interface Journey {
  readonly spec: RequestSpec;
  readonly entry: Entry;
  readonly url: RequestUrl;
  readonly played: PlayedRequest;
}

const PLAIN: UpstreamTransport = { transport: 'raw_buffer', http: 'http/1.1', certificate: '' };
const ANSWERED = { details: '', body: '', headers: {}, attempts: [], mirrors: [] };

/** A mesh in the course of time: what happens to a request depends on those before it, and on what applications do. */
export class MeshPlay {
  public readonly clock = new Clock();
  private readonly proxies: Proxies;
  private readonly applications: Applications;
  private readonly running = new Map<ReadyProxy, RunningProxy>();
  private readonly draw: Draw;

  public constructor(model: Model, draw: Draw, options: ProxiesOptions = {}) {
    this.proxies = proxiesOf(model, options);
    this.applications = new Applications(model, this.clock);
    this.draw = draw;
  }

  /** What a workload, a Pod, an address or a host does with requests from now on. */
  public behave(name: string, namespace: string | undefined, phases: readonly Phase[]): void {
    this.applications.behave(name, namespace, phases);
  }

  /** Whether endpoints are ready from now on, as every proxy is told. */
  public setReady(name: string, namespace: string | undefined, ready: boolean): void {
    this.applications.setReady(name, namespace, ready);
    for (const proxy of this.running.values()) proxy.used.forEach(cluster => cluster.changed());
  }

  /** Endpoints that are ejected now, each with the proxy that ejected it. */
  public ejected(): { readonly proxy: string; readonly endpoint: string; readonly pod?: string }[] {
    return [...this.running].flatMap(([{ name }, proxy]) => proxy.used.flatMap(cluster => cluster.ejected.map(({ host, name: endpoint }) => ({
      proxy: name, endpoint, ...this.podAt(host.address),
    }))));
  }

  /** Sends a request now. What it returns is filled in when time gets there. */
  public send(spec: RequestSpec): PlayedRequest {
    const url = parseUrl(spec.url);
    const entry = this.entryOf(spec, url);
    const played: PlayedRequest = { atMs: this.clock.now, proxy: entry.ready.name, flags: [], ...ANSWERED };
    this.enter({ spec, entry, url, played });
    return played;
  }

  /** From outside, the gateway that serves the host is meant. */
  private entryOf(spec: RequestSpec, url: RequestUrl): Entry {
    const entries = entriesOf(this.proxies, spec, url);
    if (entries.length === 1) return entries[0]!;
    const told = entries.map(entry => ({ entry, explanation: walk(this.proxies, entry, spec, url) }));
    return (told.find(({ explanation }) => explanation.outcome !== 'failed') ?? told.find(({ explanation }) => explanation.status !== undefined) ?? told[0]!).entry;
  }

  private enter(journey: Journey): void {
    const { entry, spec, url, played } = journey;
    const met = meet(entry, spec);
    if (met.kind === 'direct') return this.sendDirect(journey);
    if (met.kind === 'closed') return this.close(played, met.denied ?? met.because, met.flag);
    const { terminal } = met.chain;
    if (terminal.kind !== 'http') {
      const rule = `a request that is played must be one of HTTP, got ${spec.url}, which is taken as a stream of bytes`;
      throw new MeshError('MESH_PLAY_UNSUPPORTED', `${rule}; ask what decides about it without a clock`);
    }
    const heard = hear(entry, spec, url, met.chain, terminal);
    if (heard.kind === 'path') return this.answer(played, heard.path.status, 'path_normalization_failed');
    if (heard.kind === 'answer') return this.route(journey, terminal, heard.answer);
    const table = entry.ready.prepared.routesOf(terminal);
    const rule = table && matchRoute(table, heard.routed);
    if (rule === undefined) return this.route(journey, terminal, notFound(heard.request));
    this.route(journey, terminal, decide(rule, heard.request, this.draw), heard.request, heard.headers);
  }

  private route(
    journey: Journey, terminal: HttpTerminal, decision: Forward | Answer, facts?: HttpRequestFacts, headers: Record<string, string> = {},
  ): void {
    const { entry, spec } = journey;
    const request = decision.kind === 'forward' && facts !== undefined
      ? sentBy(decision, facts, headers, { terminal, source: sourceOf(spec, entry.ready) }) : undefined;
    const passing = { spec, caller: entry.ready, terminal, ...(request && { request }) };
    this.runningOf(entry.ready).play(decision, this.onward(entry, passing), result => this.finish(journey, result));
  }

  /** How a proxy in front of a caller reaches hosts. */
  private onward({ connection }: Entry, passing: Omit<Passing, 'tell'>): Onward {
    const answerer = (cluster: ClusterTable, { address }: Host): Answerer => this.answererAt(address, parseClusterName(cluster.name)?.host ?? '');
    return {
      dialled: connection,
      connect: (cluster, host) => {
        const there = answerer(cluster, host);
        const arrival = arrive(this.proxies, host, transportTo(cluster, host, passing.terminal), passing);
        return this.connecting(there, arrival.kind === 'direct', arrival.kind === 'closed' && arrival.flag === 'UF');
      },
      send: (cluster, host, done) => this.reach(host, transportTo(cluster, host, passing.terminal), passing, answerer(cluster, host), done),
    };
  }

  private connecting(there: Answerer, direct: boolean, handshakeFails: boolean): 'connected' | 'connect-failure' | 'connect-timeout' {
    const { kind } = this.applications.at(there);
    if (kind === 'unreachable') return 'connect-timeout';
    return handshakeFails || (direct && kind === 'refuse') ? 'connect-failure' : 'connected';
  }

  /** An attempt at an address: through the proxy before the application, where there is one. */
  private reach(
    host: { readonly address: string; readonly port: number }, spoken: UpstreamTransport, passing: Omit<Passing, 'tell'>, there: Answerer,
    done: (end: UpstreamEnd) => void,
  ): () => void {
    const { clock } = this;
    const arrival = arrive(this.proxies, host, spoken, passing);
    let over = false;
    const end = (result: UpstreamEnd): void => { if (!over) done(result); };
    const soon = (result: UpstreamEnd): void => { clock.after(0, () => end(result)); };
    switch (arrival.kind) {
      case 'closed': soon({ kind: 'reset' }); break;
      case 'refused': {
        const { status } = arrival.refusal;
        soon(status === undefined ? { kind: 'reset' } : { kind: 'answer', status, headers: {} });
        break;
      }
      case 'taken': {
        if (arrival.decision === undefined) return this.react(there, end);
        const application: Onward = {
          dialled: host,
          connect: () => this.connecting(there, true, false),
          send: (_cluster, _host, ended) => this.react(there, ended),
        };
        this.runningOf(arrival.server).play(arrival.decision, application, ({ status, headers }) => end({ kind: 'answer', status, headers }));
        break;
      }
      case 'direct': return this.react(there, end);
    }
    return () => { over = true; };
  }

  /** The application gets a request. */
  private react(there: Answerer, done: (end: UpstreamEnd) => void): () => void {
    const reaction: Reaction = this.applications.take(there);
    if (reaction.kind === 'refuse') {
      const timer = this.clock.after(0, () => done({ kind: 'reset' }));
      return () => timer.cancel();
    }
    if (reaction.kind !== 'answer' && reaction.kind !== 'reset') return () => undefined;
    const { takesMs } = reaction;
    const end: UpstreamEnd = reaction.kind === 'reset' ? { kind: 'reset' } : { kind: 'answer', status: reaction.status, headers: reaction.headers };
    const timer = this.clock.after(takesMs, () => done(end));
    return () => timer.cancel();
  }

  /** A caller without a proxy: one attempt in plain text, without limits of any kind. */
  private sendDirect(journey: Journey): void {
    const { entry: { ready, connection }, spec, url, played } = journey;
    const service = lookUp(this.proxies.model, ready.workload.namespace, url.host);
    const name = service?.ports.find(({ number }) => number === url.port)?.name;
    const endpoints = service === undefined || name === undefined ? [connection] : this.proxies.model.endpointsOf(service, name);
    const first = endpoints.length <= 1 ? endpoints[0] : endpoints[this.draw('endpoint', endpoints.length)];
    if (first === undefined) return this.close(played, `${url.host} has no endpoint for port ${url.port}`);
    const headers = headersOf(spec);
    const request: SentRequest = {
      method: (spec.method ?? 'GET').toUpperCase(), scheme: 'http', authority: headers.host ?? url.authority, path: url.path, headers: new Map(Object.entries(headers)),
    };
    const spoken: UpstreamTransport = url.scheme === 'https' ? { ...connection, certificate: '' } : PLAIN;
    const host = service?.hostname ?? url.host;
    const there = this.answererAt(first.address, host);
    const { clock } = this;
    played.target = { host, subset: '', port: url.port };
    const passing = { spec, caller: ready, ...(url.scheme === 'http' && { request }) };
    const reaction = this.applications.at(there).kind;
    if (reaction === 'refuse') return this.close(played, 'the connection is refused');
    if (reaction === 'unreachable') return this.close(played, 'nobody takes the connection');
    this.reach(first, spoken, passing, there, end => {
      const attempt = { atMs: played.atMs, tookMs: clock.now - played.atMs, endpoint: `${first.address}:${first.port}`, ...this.podAt(first.address) };
      played.attempts = [{ ...attempt, outcome: end.kind, ...(end.kind === 'answer' && { status: end.status }) }];
      if (end.kind === 'reset') return this.close(played, 'the connection ends without an answer');
      this.answer(played, end.status, '', end.headers);
    });
  }

  private answer(played: PlayedRequest, status: number, details: string, headers: Readonly<Record<string, string>> = {}): void {
    Object.assign(played, { status, details, headers, elapsedMs: this.clock.now - played.atMs });
  }

  private close(played: PlayedRequest, details: string, flag = ''): void {
    Object.assign(played, { details, flags: flag === '' ? [] : [flag], elapsedMs: this.clock.now - played.atMs });
  }

  private finish({ played, url }: Journey, { status, flags, details, body, headers, attempts, elapsedMs, cluster, mirrors }: Played): void {
    Object.assign(played, {
      status,
      flags,
      details,
      body,
      headers,
      elapsedMs,
      attempts: attempts.map(({ address, ...attempt }) => ({ ...attempt, ...this.podAt(address) })),
      // Read when it is asked for: a copy may take longer than the request.
      mirrors: mirrors.map(mirror => ({ ...targetOf(mirror.cluster, url), get status() { return mirror.routed?.status; } })),
      ...(cluster !== '' && { target: targetOf(cluster, url) }),
    });
  }

  private answererAt(address: string, host: string): Answerer {
    const workload = this.proxies.byAddress(address);
    return { address, host, ...(workload && { workload }) };
  }

  private podAt(address: string): { readonly pod?: string } {
    const workload = this.proxies.byAddress(address);
    return workload === undefined ? {} : { pod: `${workload.name}.${workload.namespace}` };
  }

  private runningOf(ready: ReadyProxy): RunningProxy {
    let running = this.running.get(ready);
    if (running === undefined) {
      const { clock, draw } = this;
      running = new RunningProxy(ready.prepared, { clock, draw, ready: host => this.applications.ready(this.answererAt(host.address, '')) });
      this.running.set(ready, running);
    }
    return running;
  }
}

function targetOf(cluster: string, { host, port }: RequestUrl): PlayedTarget {
  const parsed = parseClusterName(cluster);
  return parsed === undefined ? { host, subset: '', port } : { host: parsed.host, subset: parsed.subset, port: parsed.port };
}
