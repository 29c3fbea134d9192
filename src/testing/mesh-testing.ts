import type { IConstruct } from 'constructs';
import type { MeshRequest, SendOptions } from './mesh-request';
import { MeshResult } from './mesh-result';
import { senderName } from './sender';
import type { Simulator } from './simulator';
import { renderTree } from '../private/render';

/**
 * Sends requests through a mesh that runs nowhere: what Istio would configure is compiled from the manifests, and decided as Envoy decides it.
 * No process, no network, no clock; the shares it reports are exact.
 * @example
 * const t = MeshTesting.of(chart);
 * t.send(MeshRequest.get('http://reviews:9080/').header('end-user', 'jason'), { from: productpage }).expectTarget(v2);
 */
export class MeshTesting {
  /** The mesh that this construct renders: an App, a Chart, or anything inside one. It is rendered when the first request is sent. */
  public static of(scope: IConstruct): MeshTesting { return new MeshTesting(simulator => simulator.ofManifests(renderTree(scope))); }
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
    const { method, url, headers } = request;
    return MeshResult._of(request, from, simulator.explain({ method, url, headers, from }), simulator);
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
