import { Agent, createServer, type Server, type ServerResponse } from 'http';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { HELD_MS, SCENARIOS, type Scenario, type Step } from './clock-scenarios';
import { envoyBinary, freePort, listen, send, startEnvoy, type RunningEnvoy } from './envoy-process';
import {
  Behaviour, Clock, decide, HEALTHY, matchRoute, prepare, prepareRoutes, RunningProxy,
  type Draw, type HttpRequestFacts, type Phase, type Played, type Reaction,
} from '../../src/evaluator';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

/** How much later than on the virtual clock a busy machine may answer. */
const SLACK_MS = 5000;
/** How much earlier: two clocks are read one after the other. */
const EARLY_MS = 20;

/** A port that is given to no program that asks for any. */
const NOBODY = 1;

const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;
const notRun = binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : '';

/** What is compared of one scenario. */
interface Seen {
  readonly answers: string[];
  /** Requests at each upstream. */
  readonly counts: number[];
  /** Total time of the requests, and how long polls took. */
  readonly times: number[];
}

function routeOf({ name, route = {}, filters = {}, mirrored = false }: Scenario): object {
  const mirror = mirrored ? { request_mirror_policies: [{ cluster: name }] } : {};
  return { match: { prefix: '/' }, route: { cluster: name, timeout: '0s', ...mirror, ...route }, ...filters };
}

function clusterOf({ name, cluster = {}, upstreams }: Scenario, ports: readonly number[]): object {
  let next = 0;
  const endpoints = upstreams.map((hosts, priority) => ({
    priority,
    lb_endpoints: hosts.map(() => ({ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: ports[next++] } } } })),
  }));
  return { name, connect_timeout: '5s', ...cluster, load_assignment: { cluster_name: name, endpoints } };
}

// Real ------------------------------------------------------------------------------------------------------------------------------

/** A server that behaves as its phases say. */
class Upstream {
  public requests = 0;
  public port = 0;
  private readonly held: ServerResponse[] = [];
  private readonly server: Server;
  private readonly refuses: boolean;

  public constructor(private readonly phases: readonly Phase[]) {
    this.refuses = phases[0]?.reaction.kind === 'refuse';
    this.server = createServer((_request, response) => this.react(this.take(), response));
  }

  public async start(): Promise<void> {
    this.port = this.refuses ? NOBODY : await listen(this.server);
  }

  public release(): void {
    this.held.splice(0).forEach(response => response.end());
  }

  public async stop(): Promise<void> {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise(resolve => this.server.close(resolve));
  }

  private take(): Reaction {
    let before = 0;
    const at = this.requests++;
    for (const { reaction, requests = Infinity } of this.phases) {
      if (at < (before += requests)) return reaction;
    }
    return HEALTHY;
  }

  private react(reaction: Reaction, response: ServerResponse): void {
    if (reaction.kind === 'reset') response.socket!.destroy();
    if (reaction.kind !== 'answer') return;
    response.statusCode = reaction.status;
    if (reaction.takesMs >= HELD_MS) this.held.push(response);
    else setTimeout(() => response.end(), reaction.takesMs);
  }
}

const upstreams = SCENARIOS.map(({ upstreams: priorities }) => priorities.flat().map(phases => new Upstream(phases)));
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let envoy: RunningEnvoy;
let admin = 0;

beforeAll(async () => {
  if (binary === undefined) return;
  for (const upstream of upstreams.flat()) await upstream.start();
  const clusters = SCENARIOS.map((scenario, i) => clusterOf(scenario, upstreams[i]!.map(({ port }) => port)));
  // Another program may take a free port before Envoy does.
  for (let attempt = 1; envoy === undefined; attempt++) {
    admin = await freePort();
    const there = { address: { socket_address: { address: '127.0.0.1', port_value: admin } } };
    envoy = await startEnvoy(binary, manager(), clusters, there).catch(error => {
      if (attempt === 3) throw error;
      return undefined as never;
    });
  }
}, 60_000);

afterAll(async () => {
  agent.destroy();
  await envoy?.stop();
  await Promise.all(upstreams.flat().map(async upstream => upstream.stop()));
});

function manager(): object {
  const filter = (name: string, type: string) => ({ name, typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${type}` } });
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'stat_prefix': 'clock',
    'route_config': {
      name: 'clock',
      response_headers_to_add: [
        { header: { key: 'x-flags', value: '%RESPONSE_FLAGS%' } }, { header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS%' } },
      ],
      virtual_hosts: [{ name: 'worker', domains: ['worker.test'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }, ...SCENARIOS.map((scenario, i) => ({ name: scenario.name, domains: [`s${i}.test`], routes: [routeOf(scenario)] }))],
    },
    'http_filters': [filter('envoy.filters.http.fault', 'fault.v3.HTTPFault'), filter('envoy.filters.http.router', 'router.v3.Router')],
  };
}

async function onEnvoy(scenario: Scenario, index: number): Promise<Seen> {
  const own = upstreams[index]!;
  const answers: string[] = [];
  const times: number[] = [];
  const open: Promise<string>[] = [];
  const ask = async (): Promise<string> => {
    const { status, headers } = await send(envoy.port, 'GET', '/', { host: `s${index}.test` }, agent);
    if (scenario.cluster !== undefined && 'outlier_detection' in scenario.cluster) await settled();
    return told(status, headers['x-flags'] === '-' ? [] : String(headers['x-flags']).split(','), String(headers['x-details']));
  };
  const took = async (run: () => Promise<void>): Promise<number> => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  };
  let sent = 0;
  for (const step of scenario.steps) {
    if ('send' in step) {
      sent = performance.now();
      for (let i = 0; i < step.send; i++) {
        times.push(await took(async () => {
          const answer = await ask();
          if (step.anyhow !== true) answers.push(answer);
        }));
      }
    } else if ('open' in step) {
      for (let i = 0; i < step.open; i++) {
        const before = total(own);
        open.push(ask());
        await until(async () => (step.until === 'upstream' ? total(own) > before : await waiting(scenario.name) > 0));
      }
    } else if ('release' in step) {
      // One that waited is held in its turn.
      const ended = Promise.all(open.splice(0)).then(all => { answers.push(...all); });
      let over = false;
      void ended.then(() => { over = true; });
      await until(async () => { own.forEach(upstream => upstream.release()); return over; });
    } else {
      await until(async () => short(await ask()) !== step.poll.while);
      times.push(performance.now() - sent);
    }
  }
  return { answers, counts: own.map(({ requests }) => requests), times };
}

/** Nobody waits for copies: some may still be on their way. */
async function arrived(index: number, counts: readonly number[]): Promise<number[]> {
  const own = upstreams[index]!;
  await until(async () => total(own) >= counts.reduce((sum, count) => sum + count, 0));
  return own.map(({ requests }) => requests);
}

/** An ejection goes to the main thread and comes back to the worker: both have done what they were told before. */
async function settled(): Promise<void> {
  await send(admin, 'GET', '/ready', { host: 'admin' });
  await send(envoy.port, 'GET', '/', { host: 'worker.test' }, agent);
}

const total = (own: readonly Upstream[]): number => own.reduce((sum, { requests }) => sum + requests, 0);

async function waiting(cluster: string): Promise<number> {
  const { body } = await send(admin, 'GET', `/stats?filter=${encodeURIComponent('upstream_rq_pending_active')}`, { host: 'admin' });
  const line = body.split('\n').find(each => each.startsWith(`cluster.${cluster}.`));
  return Number(line?.slice(line.lastIndexOf(' ')) ?? 0);
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!await check()) {
    if (Date.now() > end) throw new Error('it does not come about');
    await new Promise(resolve => { setTimeout(resolve, 5); });
  }
}

// Virtual ---------------------------------------------------------------------------------------------------------------------------

/** A small generator, so that a scenario is the same on every run. */
function draws(): Draw {
  let state = 20260701;
  return (_purpose, bound) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
}

function onClock(scenario: Scenario): Seen {
  const { upstreams: priorities, name, steps } = scenario;
  const clock = new Clock();
  const draw = draws();
  const behaviours = priorities.flat().map(phases => new Behaviour(phases, clock));
  const counts = behaviours.map(() => 0);
  const json = clusterOf(scenario, behaviours.map((_, i) => i + 1));
  const clusters = [fromJson(ClusterSchema, json as JsonValue, { registry })];
  const table = prepareRoutes(fromJson(RouteConfigurationSchema, { name, virtual_hosts: [{ name, domains: ['*'], routes: [routeOf(scenario)] }] } as unknown as JsonValue, { registry }));
  const prepared = prepare({ listeners: [], routes: [], endpoints: [], clusters });
  const proxy = new RunningProxy(prepared, {
    clock,
    draw,
    ready: () => undefined,
  });
  const facts: HttpRequestFacts = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: new Map() };
  const ask = (done: (played: Played) => void): void => proxy.play(decide(matchRoute(table, facts)!, facts, draw), {
    dialled: { address: '', port: 0 },
    connect: (_cluster, { port }) => (behaviours[port - 1]!.now().kind === 'refuse' ? 'connect-failure' : 'connected'),
    send: (_cluster, { port }, ended) => {
      counts[port - 1]!++;
      const reaction = behaviours[port - 1]!.take();
      if (reaction.kind !== 'answer' && reaction.kind !== 'reset') return () => undefined;
      const timer = clock.after(reaction.takesMs, () => ended(reaction.kind === 'reset' ? { kind: 'reset' } : { kind: 'answer', status: reaction.status, headers: {} }));
      return () => timer.cancel();
    },
  }, done);
  const answered = (): string => {
    let found: Played | undefined;
    ask(played => { found = played; });
    expect(clock.runUntil(() => found !== undefined)).toBe(true);
    return told(found!.status, found!.flags, found!.details);
  };
  const answers: string[] = [];
  const times: number[] = [];
  const open: (string | undefined)[] = [];
  let sent = 0;
  const run = (step: Step): void => {
    if ('send' in step) {
      sent = clock.now;
      for (let i = 0; i < step.send; i++) {
        const start = clock.now;
        const answer = answered();
        if (step.anyhow !== true) answers.push(answer);
        times.push(clock.now - start);
      }
    } else if ('open' in step) {
      for (let i = 0; i < step.open; i++) {
        const at = open.push(undefined) - 1;
        ask(({ status, flags, details }) => { open[at] = told(status, flags, details); });
        clock.advance(0);
      }
    } else if ('release' in step) {
      clock.runUntil(() => open.every(each => each !== undefined));
      answers.push(...open.splice(0) as string[]);
    } else {
      while (short(answered()) === step.poll.while) clock.advance(5);
      times.push(clock.now - sent);
    }
  };
  steps.forEach(run);
  clock.advance(0);
  return { answers, counts, times };
}

/** `504 UT,URX upstream_per_try_timeout`, without what only a real connection can say. */
function told(status: number, flags: readonly string[], details: string): string {
  return `${status} ${flags.join()} ${details.replace(/\|.*(?=\})/, '')}`;
}

const short = (answer: string): string => answer.split(' ').slice(0, 2).join(' ');

// Both ------------------------------------------------------------------------------------------------------------------------------

describe('over time, the clock does what real Envoy does', () => {
  compare.each(SCENARIOS.map((scenario, i) => [scenario.name, scenario, i] as const))(`${notRun}%s`, async (_name, scenario, index) => {
    const said = onClock(scenario);
    const real = await onEnvoy(scenario, index);
    expect(real.answers).toEqual(said.answers);
    if (scenario.counted !== false) expect(scenario.mirrored === true ? await arrived(index, said.counts) : real.counts).toEqual(said.counts);
    if (scenario.timed === true) {
      expect(real.times[0]).toBeGreaterThan(said.times[0]! - EARLY_MS);
      expect(real.times[0]).toBeLessThan(said.times[0]! + SLACK_MS);
    }
    const polls = scenario.steps.flatMap(step => ('poll' in step ? [step] : []));
    const asked = scenario.steps.reduce((sum, step) => ('send' in step ? sum + step.send : sum), 0);
    expect([real.times.length, said.times.length]).toEqual([asked + polls.length, asked + polls.length]);
    let at = 0;
    for (const step of scenario.steps) {
      if ('send' in step) at += step.send;
      if (!('poll' in step)) continue;
      expect(said.times[at]).toBeGreaterThanOrEqual(step.atLeastMs);
      expect(said.times[at]).toBeLessThanOrEqual(step.atLeastMs + step.within + 5);
      expect(real.times[at]).toBeGreaterThan(step.atLeastMs - EARLY_MS);
      expect(real.times[at]).toBeLessThan(step.atLeastMs + SLACK_MS);
      at++;
    }
  }, 60_000);
});
