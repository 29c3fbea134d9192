import type { AccessEntry, AccessMatrixOptions } from './access-matrix';
import type { RuleCoverage } from './rule-coverage';
import { RuleCounter } from './rules';
import { createExplainer, explanationText, workloadName, type Explainer, type Explanation, type RequestSpec } from '../analysis/explain';
import { MeshPlay, seededDraw, withReplicas } from '../analysis/play';
import { refusals } from '../compiler/refusals';
import { MeshError } from '../model/error';
import { withGatewayWorkloads, type InstalledGateway } from '../model/gateway-workloads';
import { buildModel, type Model, type ModelOptions } from '../model/model';
import { resolveHost } from '../model/names';
import { parseManifests, resourcesOf } from '../model/parse';
import { resourceName, whereOf, type Resource } from '../model/resource';

/** What a simulator takes besides manifests. */
export interface SimulatorOptions extends ModelOptions { readonly gateways?: readonly InstalledGateway[] }

/** A mesh to ask. Loaded by `MeshTesting` when the first request is sent, so that a chart that is only synthesized pays nothing. */
export class Simulator {
  public static ofManifests(manifests: readonly unknown[], options: SimulatorOptions = {}): Simulator {
    return new Simulator(resourcesOf(manifests), options);
  }

  public static ofYaml(text: string): Simulator {
    const { resources, errors } = parseManifests(text);
    if (errors.length > 0) throw errors[0];
    return new Simulator(resources, {});
  }

  private readonly model: Model;
  private readonly explainer: Explainer;
  private readonly counter: RuleCounter;

  private constructor(private readonly resources: readonly Resource[], private readonly options: SimulatorOptions) {
    this.model = buildModel(withGatewayWorkloads(resources, options).resources, options);
    // A test that passes over a field nobody looked at would prove nothing.
    const [refused] = refusals(this.model);
    if (refused !== undefined) throw new MeshError(refused.code, refused.message, whereOf(refused.resource, refused.path));
    this.explainer = createExplainer(this.model);
    this.counter = new RuleCounter(this.model);
  }

  /** What happens to a request; it counts as exercising the rules that decide it. */
  public explain(spec: RequestSpec): Explanation {
    const explanation = this.explainer.explain(spec);
    this.counter.count(explanation);
    return explanation;
  }

  public coverage(): RuleCoverage[] { return this.counter.coverage(); }

  /** Every workload as a caller of every port of every service, but gateways, which are called from outside. */
  public access(options: AccessMatrixOptions): AccessEntry[] {
    const ports = this.model.services.filter(({ hostname }) => !hostname.includes('*'))
      .flatMap(service => service.ports.filter(({ protocol }) => protocol !== 'UDP').map(({ number }) => ({ to: service.hostname, port: number })))
      .sort((a, b) => (a.to < b.to ? -1 : a.to > b.to ? 1 : a.port - b.port));
    return this.callers().flatMap(from => ports.map(({ to, port }) => this.accessOf(from, to, port, options)));
  }

  private accessOf(from: string, to: string, port: number, { method = 'GET', path = '/', headers, claims }: AccessMatrixOptions): AccessEntry {
    const url = `http://${to}:${port}${path}`;
    const explanation = this.explainer.explain({ from, method, url, ...(headers && { headers }), ...(claims && { claims }) });
    const { outcome, targets, details, flag, status } = explanation;
    const allowed = outcome === 'routed';
    const answer = [status, flag].filter(part => part !== undefined && part !== '').join(' ');
    const because = details ?? targets.find(target => target.because !== undefined)?.because ?? (answer === '' ? 'nothing takes the connection' : answer);
    return { from, to, port, allowed, outcome, because: allowed ? '' : because };
  }

  /** Every workload but gateways, by the name that `from` takes. */
  public callers(): string[] {
    return [...new Set(this.model.workloads.filter(({ gateway }) => !gateway).map(workloadName))].sort();
  }

  /** Why a request, or a share of it, is not served. */
  public failureOf({ outcome, targets, details, status, flag }: Explanation): { because?: string } {
    const failed = targets.find(({ because, percent }) => because !== undefined && percent > 0);
    if (failed !== undefined) return { because: failed.because };
    if (outcome !== 'failed' && outcome !== 'denied') return {};
    return { because: details ?? (flag === '' ? 'nobody takes the connection' : `${status ?? ''} ${flag}`.trim()) };
  }

  /** The same mesh with some objects as they are given here. */
  public with(manifests: readonly unknown[]): Simulator {
    const given = resourcesOf(manifests);
    const names = new Set(given.map(resourceName));
    return new Simulator([...this.resources.filter(resource => !names.has(resourceName(resource))), ...given], this.options);
  }

  /** The same mesh with mutual TLS required everywhere: no PeerAuthentication but one, for the whole mesh. */
  public strict(): Simulator {
    const { rootNamespace } = this.model.config;
    const [everywhere] = resourcesOf([{
      apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: { name: 'default', namespace: rootNamespace }, spec: { mtls: { mode: 'STRICT' } },
    }]);
    return new Simulator([...this.resources.filter(({ kind }) => kind !== 'PeerAuthentication'), everywhere], this.options);
  }

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

  /** The mesh in the course of time, with as many Pods as controllers ask for. Each call begins anew. */
  public play(seed: number): MeshPlay {
    const { options } = this;
    const resources = withReplicas(withGatewayWorkloads(this.resources, options).resources, this.model);
    return new MeshPlay(buildModel(resources, options), seededDraw(seed));
  }

  /** Workloads, by the name that `from` takes, that run behind a service. */
  public workloadsOf(service: string, namespace: string | undefined): string[] {
    const host = this.fullHost(service, namespace);
    const behind = this.model.workloads.filter(candidate => this.model.targetsOf(candidate).some(target => target.service.hostname === host));
    return [...new Set(behind.map(workloadName))];
  }

  /** A workload, by the name that `from` takes, that runs behind a service; undefined where none does. */
  public workloadOf(service: string, namespace: string | undefined): string | undefined {
    const host = this.fullHost(service, namespace);
    const workload = this.model.workloads.find(candidate => this.model.targetsOf(candidate).some(target => target.service.hostname === host));
    return workload && `${workload.name}.${workload.namespace}`;
  }
}
