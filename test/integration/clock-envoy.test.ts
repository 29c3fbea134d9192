import { createServer, request as httpRequest, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeshPlay, seededDraw, type PlayedRequest } from '../../src/analysis/play';
import type { Phase, Reaction } from '../../src/evaluator';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

/** From so long on, an answer is held until it is released. */
const HELD_MS = 60_000;
/** How much later than on the virtual clock a busy machine may answer, and how much earlier two readings of a clock may be. */
const SLACK_MS = 5000;
const EARLY_MS = 20;

const pod = (name: string, app: string, version: string, locality: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${app}, version: ${version}, istio-locality: ${locality}}}
spec: {containers: [{name: app, image: app, ports: [{containerPort: 9000}]}]}
---`;
const service = (name: string): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 9000}]}
---`;

/** `front` calls three versions of `back`, and `far`, which runs near, less near and far. */
const MESH = `
${service('front')}${service('back')}${service('far')}
${pod('front', 'front', 'v1', 'r1.z1')}
${pod('slow', 'back', 'slow', 'r1.z1')}
${pod('limited', 'back', 'limited', 'r1.z1')}
${pod('sick', 'back', 'sick', 'r1.z1')}
${pod('fine', 'back', 'fine', 'r1.z1')}
${pod('far-here', 'far', 'v1', 'r1.z1')}
${pod('far-near', 'far', 'v1', 'r1.z2')}
${pod('far-away', 'far', 'v1', 'r2.z9')}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - match: [{headers: {to: {exact: slow}}}]
    timeout: 2.5s
    retries: {attempts: 3, perTryTimeout: 500ms, retryOn: 'reset,5xx'}
    headers: {response: {set: {x-flags: '%RESPONSE_FLAGS%'}}}
    route: [{destination: {host: back, subset: slow}}]
  - match: [{headers: {to: {exact: limited}}}]
    retries: {attempts: 0}
    headers: {response: {set: {x-flags: '%RESPONSE_FLAGS%'}}}
    route: [{destination: {host: back, subset: limited}}]
  - match: [{headers: {to: {exact: fine}}}]
    route: [{destination: {host: back, subset: fine}}]
  - retries: {attempts: 0}
    headers: {response: {set: {x-flags: '%RESPONSE_FLAGS%'}}}
    route: [{destination: {host: back, subset: sick}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: far}
spec:
  hosts: [far]
  http: [{retries: {attempts: 0}, headers: {response: {set: {x-flags: '%RESPONSE_FLAGS%'}}}, route: [{destination: {host: far}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: back}
spec:
  host: back
  subsets:
  - {name: slow, labels: {version: slow}}
  - {name: fine, labels: {version: fine}}
  - name: limited
    labels: {version: limited}
    trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}
  - name: sick
    labels: {version: sick}
    trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2, interval: 100ms, baseEjectionTime: 2s, maxEjectionPercent: 100}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: far}
spec:
  host: far
  trafficPolicy:
    loadBalancer: {localityLbSetting: {enabled: true}}
    outlierDetection: {consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 60s, maxEjectionPercent: 100}
`;

const answer = (status: number, takesMs = 0): Phase[] => [{ reaction: { kind: 'answer', status, takesMs, headers: {} } }];
const BEHAVIOURS: Readonly<Record<string, readonly Phase[]>> = {
  'slow': [{ reaction: { kind: 'hang' } }],
  'limited': answer(200, HELD_MS),
  'sick': answer(500),
  'fine': answer(200),
  'far-here': answer(500),
  'far-near': answer(501),
  'far-away': answer(502),
};

type Step = { readonly send: number; readonly to: string } | { readonly open: number; readonly to: string; readonly until: 'upstream' | 'pending' }
  | { readonly release: true } | { readonly poll: string; readonly to: string; readonly atLeastMs: number };

interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Requests that reached each application. */
  readonly counted: readonly string[];
  readonly timed?: boolean;
}

const SCENARIOS: Scenario[] = [
  { name: 'a timeout with three retries that time out', steps: [{ send: 1, to: 'slow' }], counted: ['slow'], timed: true },
  {
    name: 'overflow, on the limited subset only',
    steps: [
      { open: 1, to: 'limited', until: 'upstream' }, { open: 1, to: 'limited', until: 'pending' }, { send: 2, to: 'limited' }, { send: 1, to: 'fine' }, { release: true },
    ],
    counted: ['limited'],
  },
  { name: 'an endpoint is ejected and comes back', steps: [{ send: 3, to: 'sick' }, { poll: '503 UH', to: 'sick', atLeastMs: 2000 }], counted: [] },
  {
    name: 'traffic spills from near to far',
    steps: [{ send: 2, to: 'far' }, { poll: '501 ', to: 'far', atLeastMs: 1000 }, { poll: '502 ', to: 'far', atLeastMs: 2000 }, { send: 1, to: 'far' }],
    counted: ['far-here'],
  },
];

interface Seen {
  readonly answers: string[];
  readonly counts: number[];
  readonly times: number[];
}

const told = (status: number, flags: readonly string[]): string => `${status} ${flags.join()}`;
const urlOf = (to: string): string => `http://${to === 'far' ? 'far' : 'back'}:9000/`;

/** The mesh on the virtual clock. */
class Virtual {
  private readonly play: MeshPlay;

  public constructor(manifests: string) {
    this.play = new MeshPlay(buildModel(parseManifests(manifests).resources), seededDraw(1));
    for (const [name, phases] of Object.entries(BEHAVIOURS)) this.play.behave(name, undefined, phases);
  }

  public run({ steps, counted }: Scenario): Seen {
    const { clock } = this.play;
    const answers: string[] = [];
    const times: number[] = [];
    const open: PlayedRequest[] = [];
    const all: PlayedRequest[] = [];
    const begin = (to: string): PlayedRequest => {
      const played = this.play.send({ from: 'front', url: urlOf(to), headers: { to } });
      all.push(played);
      return played;
    };
    const ask = (to: string): string => {
      const played = begin(to);
      expect(clock.runUntil(() => played.elapsedMs !== undefined)).toBe(true);
      return told(played.status!, played.flags);
    };
    let sent = clock.now;
    for (const step of steps) {
      if ('send' in step) {
        sent = clock.now;
        for (let i = 0; i < step.send; i++) answers.push(ask(step.to));
        times.push(clock.now - sent);
      } else if ('open' in step) {
        for (let i = 0; i < step.open; i++) open.push(begin(step.to));
        clock.advance(0);
      } else if ('release' in step) {
        clock.runUntil(() => open.every(({ elapsedMs }) => elapsedMs !== undefined));
        answers.push(...open.splice(0).map(({ status, flags }) => told(status!, flags)));
      } else {
        while (ask(step.to) === step.poll) clock.advance(5);
        times.push(clock.now - sent);
      }
    }
    // What finds no room never reaches an application.
    const tries = all.flatMap(({ attempts }) => attempts).filter(({ outcome }) => outcome !== 'overflow');
    return { answers, times, counts: counted.map(name => tries.filter(attempt => attempt.pod === `${name}.default`).length) };
  }
}

/** The mesh of real Envoys, with applications that behave alike. */
class Real {
  public mesh!: EnvoyMesh;
  private readonly requests = new Map<string, number>();
  private readonly held: ServerResponse[] = [];
  private readonly servers: Server[] = [];

  public async start(binary: string): Promise<void> {
    const applications: Record<string, number> = {};
    for (const [name, [phase]] of Object.entries(BEHAVIOURS)) applications[name] = await this.application(name, phase!.reaction);
    this.mesh = await EnvoyMesh.start(binary, MESH, { applications });
  }

  public async stop(): Promise<void> {
    await this.mesh?.stop();
    for (const server of this.servers) {
      server.closeAllConnections();
      await new Promise(resolve => { server.close(resolve); });
    }
  }

  private async application(name: string, reaction: Reaction): Promise<number> {
    const server = createServer((_request, response) => {
      this.requests.set(name, this.count(name) + 1);
      if (reaction.kind !== 'answer') return;
      response.statusCode = reaction.status;
      if (reaction.takesMs >= HELD_MS) this.held.push(response);
      else response.end();
    });
    this.servers.push(server);
    await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve); });
    return (server.address() as AddressInfo).port;
  }

  public async run({ steps, counted }: Scenario): Promise<Seen> {
    const answers: string[] = [];
    const times: number[] = [];
    const open: Promise<string>[] = [];
    const before = counted.map(name => this.count(name));
    let sent = performance.now();
    for (const step of steps) {
      if ('send' in step) {
        sent = performance.now();
        for (let i = 0; i < step.send; i++) answers.push(await this.ask(step.to));
        times.push(performance.now() - sent);
      } else if ('open' in step) {
        const reached = this.count(step.to);
        for (let i = 0; i < step.open; i++) open.push(this.ask(step.to));
        await until(async () => (step.until === 'upstream' ? this.count(step.to) > reached : await this.waiting(step.to) > 0));
      } else if ('release' in step) {
        let over = false;
        const ended = Promise.all(open.splice(0)).then(all => { answers.push(...all); over = true; });
        await until(async () => { this.held.splice(0).forEach(response => response.end()); return over; });
        await ended;
      } else {
        await until(async () => await this.ask(step.to) !== step.poll);
        times.push(performance.now() - sent);
      }
    }
    return { answers, times, counts: counted.map((name, i) => this.count(name) - before[i]!) };
  }

  private count(name: string): number { return this.requests.get(name) ?? 0; }

  private async ask(to: string): Promise<string> {
    const { address, port } = this.mesh.address('front', to === 'far' ? 'far' : 'back', 9000);
    const seen = await new Promise<string>((resolve, reject) => {
      httpRequest({ host: address, port, path: '/', headers: { host: `${to === 'far' ? 'far' : 'back'}:9000`, to }, agent: false }, response => {
        const flags = String(response.headers['x-flags'] ?? '-');
        response.resume().on('end', () => resolve(told(response.statusCode!, flags === '-' ? [] : flags.split(','))));
      }).on('error', reject).end();
    });
    await this.settled();
    return seen;
  }

  /** An ejection goes to the main thread and comes back to the worker: both have done what they were told before. */
  private async settled(): Promise<void> {
    const envoy = this.mesh.envoys.get('front')!;
    await envoy.admin('/ready');
    const { address, port } = this.mesh.address('front', 'front', 9000);
    await new Promise<void>((resolve, reject) => {
      httpRequest({ host: address, port, path: '/', headers: { host: 'front:9000' }, agent: false }, response => response.resume().on('end', resolve)).on('error', reject).end();
    });
  }

  private async waiting(subset: string): Promise<number> {
    const stats = await this.mesh.envoys.get('front')!.stats('upstream_rq_pending_active');
    return Object.entries(stats).filter(([name]) => name.includes(`|${subset}|`)).reduce((sum, [, value]) => sum + value, 0);
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!await check()) {
    if (Date.now() > end) throw new Error('it does not come about');
    await new Promise(resolve => { setTimeout(resolve, 5); });
  }
}

describeReal(['envoy'], 'a mesh over time, on the clock and on real Envoys', paths => {
  const virtual = new Virtual(MESH);
  const real = new Real();
  beforeAll(async () => real.start(paths.envoy!), 60_000);
  afterAll(async () => real.stop());

  test.each(SCENARIOS.map(each => [each.name, each] as const))('%s', async (_name, scenario) => {
    const said = virtual.run(scenario);
    const seen = await real.run(scenario);
    expect(seen.answers).toEqual(said.answers);
    expect(seen.counts).toEqual(said.counts);
    expect(seen.times).toHaveLength(said.times.length);
    const timed = scenario.steps.filter(step => 'send' in step || 'poll' in step);
    for (const [i, step] of timed.entries()) {
      if ('send' in step && scenario.timed !== true) continue;
      if ('poll' in step) expect(said.times[i]).toBeGreaterThanOrEqual(step.atLeastMs);
      // Pauses before retries are drawn: at most 175 ms in all.
      expect(seen.times[i]).toBeGreaterThan(said.times[i]! - ('send' in step ? 175 : 110) - EARLY_MS);
      expect(seen.times[i]).toBeLessThan(said.times[i]! + SLACK_MS);
    }
  }, 60_000);
});
