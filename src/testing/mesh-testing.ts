import type { IConstruct } from 'constructs';
import { AccessMatrix, type AccessEntry, type AccessMatrixOptions } from './access-matrix';
import { MeshClock, type MeshClockOptions } from './mesh-clock';
import { MeshRequest, type SendOptions } from './mesh-request';
import { MeshResult } from './mesh-result';
import { RolloutTesting } from './rollout-testing';
import type { RuleCoverage } from './rule-coverage';
import { requestSpec, senderName } from './sender';
import type { Simulator } from './simulator';
import type { CanaryRollout } from '../canary-rollout';
import { guarded } from '../private/arguments';
import { requireInteger } from '../private/check';
import { meshOptionsFor } from '../private/mesh-settings';
import { renderMesh } from '../private/render';

/**
 * Sends requests through a mesh that runs nowhere: what Istio would configure is compiled from the manifests, and decided as Envoy decides it.
 * No process, no network, no clock; the shares it reports are exact.
 * @example
 * const t = MeshTesting.of(chart);
 * t.send(MeshRequest.get('http://reviews:9080/').header('end-user', 'jason'), { from: productpage }).expectTarget(v2);
 */
export class MeshTesting {
  /** The mesh that this construct renders: an App, a Chart, or anything inside one. It is rendered when the first request is sent. */
  public static of(scope: IConstruct): MeshTesting {
    return new MeshTesting(simulator => simulator.ofManifests(renderMesh(scope), meshOptionsFor(scope)));
  }
  /** The mesh of these Kubernetes and Istio objects, e.g. of `Testing.synth(chart)`. */
  public static ofManifests(manifests: any[]): MeshTesting { return new MeshTesting(simulator => simulator.ofManifests(manifests)); }
  /** The mesh of a YAML text with any number of documents. */
  public static fromYaml(text: string): MeshTesting { return new MeshTesting(simulator => simulator.ofYaml(text)); }

  private readonly build: (simulator: typeof Simulator) => Simulator;
  private simulator?: Simulator;

  private constructor(build: (simulator: typeof Simulator) => Simulator) {
    this.build = build;
  }

  /**
   * What happens to a request. It comes from outside, unless a sender is given.
   * Throws MESH_FIELD_UNSUPPORTED where the manifests ask for something that is not compiled yet, since the answer could be wrong.
   */
  public send(request: MeshRequest, options: SendOptions = {}): MeshResult {
    const simulator = this.load();
    const from = senderName(options, simulator);
    const explanation = simulator.explain(requestSpec(request, options, from));
    return MeshResult._of(request, from, explanation, simulator);
  }

  /**
   * The mesh in the course of time, on a clock of its own that begins at 0 with nothing ejected and no connection open. Throws MESH_SEED_INVALID for
   * a seed that is no whole number from 1.
   * @example
   * const clock = MeshTesting.of(chart).clock();
   * clock.behave(v1, Behaviour.hang());
   * clock.send(MeshRequest.get('http://reviews:9080/'), { from: productpage }).expectStatus(504).expectElapsed(Duration.seconds(10));
   */
  public clock(options: MeshClockOptions = {}): MeshClock {
    const { seed = 1 } = options;
    requireInteger(undefined, 'MESH_SEED_INVALID', 'seed', seed, 1, 2 ** 31 - 2);
    const simulator = this.load();
    return MeshClock._of(simulator, simulator.play(seed));
  }

  /**
   * Who reaches whom: each workload sends one request to each port of each service. It shows what policies, tokens, mutual TLS and routes let
   * through, before anything runs.
   * @example
   * expect(MeshTesting.of(chart).accessMatrix().allows('productpage-v1', 'ratings')).toBe(false);
   */
  public accessMatrix(options: AccessMatrixOptions = {}): AccessMatrix { return AccessMatrix._of(this.load().access(options)); }

  /**
   * Calls that would end if mutual TLS were required everywhere (PeerAuthentication STRICT for the whole mesh): those that get through now and
   * would not then, such as the ones of workloads without a sidecar.
   */
  public brokenByStrict(options: AccessMatrixOptions = {}): AccessEntry[] {
    const simulator = this.load();
    const key = ({ from, to, port }: AccessEntry): string => `${from} ${to} ${port}`;
    const now = new Set(simulator.access(options).filter(({ allowed }) => allowed).map(key));
    return simulator.strict().access(options).filter(entry => !entry.allowed && now.has(key(entry)));
  }

  /**
   * Every HTTP rule of a VirtualService and every rule of an AuthorizationPolicy, with how many of the requests sent so far it took. A rule
   * with 0 is one that no test has looked at.
   * @example
   * expect(t.coverage().filter(rule => rule.requests === 0)).toEqual([]);
   */
  public coverage(): RuleCoverage[] { return this.load().coverage(); }

  /**
   * A rollout step by step: what callers get at each, whichever is emitted.
   * @example
   * expect(MeshTesting.of(chart).rollout(rollout).failures()).toEqual([]);
   */
  public rollout(rollout: CanaryRollout): RolloutTesting {
    const simulator = this.load();
    const waves = rollout.plan().flatMap(({ manifests }) => manifests);
    const states = new Map(rollout._states().map(({ name, manifests }) => [name, simulator.with(manifests)]));
    const url = serviceUrl(waves, waves.find(({ kind }) => kind === 'VirtualService').metadata);
    const send = (state: string, from: string, request: MeshRequest = MeshRequest.get(url)) => {
      const { method, url: asked, headers, claims } = request;
      const there = states.get(state)!;
      const explanation = there.explain({ method, url: asked, headers, from, ...(claims !== undefined && { claims }) });
      const result = MeshResult._of(request, from, explanation, there);
      return { outcome: result.outcome, distribution: result.distribution(), ...there.failureOf(explanation) };
    };
    const [first, ...others] = [...states.values()].map((state) => state.callers());
    return RolloutTesting._of([...states.keys()], first.filter((caller) => others.every((callers) => callers.includes(caller))), send);
  }

  private load(): Simulator {
    if (this.simulator === undefined) {
      // Loaded here: whoever only synthesizes pays nothing for compiler and evaluator.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { Simulator: loaded }: typeof import('./simulator') = require('./simulator');
      this.simulator = this.build(loaded);
    }
    return this.simulator;
  }
}

guarded('MeshTesting', MeshTesting);

/** Address of the service that a VirtualService of the same name is about. */
function serviceUrl(manifests: any[], { name, namespace }: { name: string; namespace?: string }): string {
  const service = manifests.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name);
  const port = service.spec.ports.find((each: any) => /^(http|grpc)/.test(each.name ?? each.appProtocol ?? '')) ?? service.spec.ports[0];
  return `http://${name}${namespace === undefined ? '' : `.${namespace}`}:${port.port}/`;
}
