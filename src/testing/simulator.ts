import { createExplainer, explanationText, type Explainer, type Explanation, type RequestSpec } from '../analysis/explain';
import { refusals } from '../compiler/refusals';
import { MeshError } from '../model/error';
import { withGatewayWorkloads } from '../model/gateway-workloads';
import { buildModel, type Model } from '../model/model';
import { resolveHost } from '../model/names';
import { parseManifests, resourcesOf } from '../model/parse';
import { whereOf, type Resource } from '../model/resource';

/** A mesh to ask. Loaded by `MeshTesting` when the first request is sent, so that a chart that is only synthesized pays nothing. */
export class Simulator {
  public static ofManifests(manifests: readonly unknown[]): Simulator { return new Simulator(resourcesOf(manifests)); }

  public static ofYaml(text: string): Simulator {
    const { resources, errors } = parseManifests(text);
    if (errors.length > 0) throw errors[0];
    return new Simulator(resources);
  }

  private readonly model: Model;
  private readonly explainer: Explainer;

  private constructor(resources: readonly Resource[]) {
    this.model = buildModel(withGatewayWorkloads(resources).resources);
    // A test that passes over a field nobody looked at would prove nothing.
    const [refused] = refusals(this.model);
    if (refused !== undefined) throw new MeshError(refused.code, refused.message, whereOf(refused.resource, refused.path));
    this.explainer = createExplainer(this.model);
  }

  public explain(spec: RequestSpec): Explanation { return this.explainer.explain(spec); }

  public text(explanation: Explanation): string { return explanationText(explanation); }

  /** Fully qualified name of a host as a resource in namespace `namespace` writes it. */
  public fullHost(host: string, namespace: string | undefined): string {
    return resolveHost(host, namespace ?? 'default', this.model.domain);
  }

  /** The host as a caller in this namespace would write it. */
  public shortHost(host: string, namespace: string): string {
    const suffix = `.svc.${this.model.domain}`;
    if (!host.endsWith(suffix)) return host;
    const short = host.slice(0, -suffix.length);
    return short.endsWith(`.${namespace}`) ? short.slice(0, -namespace.length - 1) : short;
  }

  /** A workload, by the name that `from` takes, that runs behind a service; undefined where none does. */
  public workloadOf(service: string, namespace: string | undefined): string | undefined {
    const host = this.fullHost(service, namespace);
    const workload = this.model.workloads.find(candidate => this.model.targetsOf(candidate).some(target => target.service.hostname === host));
    return workload && `${workload.name}.${workload.namespace}`;
  }
}
