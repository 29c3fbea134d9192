import { type ApiObject, Chart, JsonPatch, Lazy } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { canarySteps, CANARY, managedRoutes, requireSteps, STABLE } from './argo-steps';
import { finding, meshError } from './errors';
import type { HttpRule } from './http-rule';
import { ownedMetadata } from './metadata';
import { renderTree } from './render';
import { argoStatesOf, type StateManifests } from './verify';
import * as argo from '../../imports/argoproj.io';
import type { CanaryStep } from '../canary-step';
import type { MeshService } from '../mesh-service';
import type { MeshVersion } from '../mesh-version';
import type { ArgoRolloutOptions } from '../rollout-engine';

/** What a rollout by Argo is made of. */
export interface ArgoRollout {
  readonly service: MeshService;
  readonly stable: MeshVersion;
  readonly canary: MeshVersion;
  readonly steps: readonly CanaryStep[];
  readonly aborted: boolean;
  readonly options: ArgoRolloutOptions;
}

/** Fields of an object that Argo writes. */
export interface IgnoredFields {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly jsonPointers?: string[];
  readonly jqPathExpressions?: string[];
}

/** Renders a rollout's `Rollout` and `AnalysisTemplate`, and knows what Argo makes of them. */
export class ArgoEngine {
  public readonly managed: string[];
  private readonly rollout: argo.Rollout;
  /** What the Deployments had before they became templates. */
  private readonly replicas = new Map<MeshVersion, () => number>();

  public constructor(private readonly owner: Construct, private readonly parts: ArgoRollout) {
    const { service, stable, canary, steps, options } = parts;
    requireSteps(owner, steps);
    this.managed = managedRoutes(owner.node.id, steps);
    stable._becomeRevision(STABLE);
    canary._becomeRevision(CANARY);
    for (const version of [stable, canary]) {
      const { object } = version;
      if (object?.kind !== 'Deployment') {
        const got = object === undefined ? `pods of ${version.node.path} by their labels` : `${object.kind} ${object.node.path}`;
        throw meshError(owner, 'MESH_ENGINE_LIMIT', `Argo takes pods from Deployments only, got ${got}; make the version of a Deployment, or choose RolloutEngine.none()`);
      }
      this.replicas.set(version, replicasOf(object));
      object.addJsonPatch(JsonPatch.add('/spec/replicas', 0));
    }
    if (options.analysis !== undefined) this.analysisTemplate();
    this.rollout = new argo.Rollout(owner, 'Rollout', {
      metadata: ownedMetadata(owner, service.name, service.namespace),
      spec: Lazy.any({ produce: () => this.spec() }),
    });
    owner.node.addValidation({ validate: () => this.faults() });
  }

  /** Every state that Argo brings the rollout into, as the objects that make it out. Undefined where the tree cannot be rendered. */
  public states(): StateManifests[] {
    const { stable, canary } = this.parts;
    const template = (version: MeshVersion) => version.object!.toJson().spec.template;
    return argoStatesOf(this.rollout.toJson(), renderTree(this.root), { stable: template(stable), canary: template(canary) });
  }

  /** Names of the workloads that run in the states: the pods of each revision. */
  public get workloads(): string[] { return ['stable', 'canary'].map((revision) => `${this.parts.service.name}-${revision}`); }

  /** The rules of the rollout in a state: those that Argo writes to and those that it put up. */
  public rulesIn(manifests: readonly any[]): HttpRule[] {
    const names = [...this.managed, ...this.written];
    return manifests.filter(({ kind }) => kind === 'VirtualService').flatMap(({ spec }) => spec.http).filter(({ name }) => names.includes(name));
  }

  public ignoreDifferences(): IgnoredFields[] {
    const { name, namespace } = this.parts.service;
    const object = (kind: string, fields: Pick<IgnoredFields, 'jsonPointers' | 'jqPathExpressions'>): IgnoredFields => ({ group: 'networking.istio.io', kind, name, namespace, ...fields });
    const named = (names: readonly string[]) => names.map((each) => `.name == ${JSON.stringify(each)}`).join(' or ');
    return [
      object('VirtualService', {
        jqPathExpressions: [
          `.spec.http[] | select(${named(this.written)}) | .route[].weight`,
          ...(this.managed.length === 0 ? [] : [`.spec.http[] | select(${named(this.managed)})`]),
        ],
      }),
      object('DestinationRule', {
        jsonPointers: ['/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts'],
        jqPathExpressions: ['.spec.subsets[].labels["rollouts-pod-template-hash"]'],
      }),
    ];
  }

  /** The rules that Argo writes to: those that lead to both versions, among them copies that a fault makes of the rollout's. */
  public get written(): string[] {
    return this.parts.service._http.filter((rule) => subsetsOf(rule, this.parts.service.name).length === 2).map(({ name }) => name!);
  }

  private get root(): Construct {
    return (this.owner.node.scopes.find((scope) => Chart.isChart(scope)) ?? this.owner.node.root) as Construct;
  }

  private spec(): argo.RolloutSpec {
    const { service, stable, canary, steps, aborted, options } = this.parts;
    const version = aborted ? stable : canary;
    const { id } = this.owner.node;
    return {
      replicas: this.replicas.get(version)!(),
      selector: { matchLabels: service.podLabels }, // that of a Deployment changes with the version, and Argo's cannot
      workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: version.object!.name },
      strategy: {
        canary: {
          trafficRouting: {
            istio: {
              virtualService: { name: service.name, routes: this.written },
              destinationRule: { name: service.name, stableSubsetName: STABLE, canarySubsetName: CANARY },
            },
            managedRoutes: this.managed.length === 0 ? undefined : this.managed.map((name) => ({ name })),
          },
          steps: canarySteps(id, steps, options.canaryReplicas),
          analysis: options.analysis && {
            templates: [{ templateName: this.analysisName }],
            args: [{ name: 'namespace', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
          },
          dynamicStableScale: options.dynamicStableScale,
          scaleDownDelaySeconds: options.scaleDownDelay?.toSeconds(),
          abortScaleDownDelaySeconds: options.abortScaleDownDelay?.toSeconds(),
        },
      },
    };
  }

  private get analysisName(): string { return `${this.parts.service.name}-success-rate`; }

  private analysisTemplate(): void {
    const { service, canary, options: { analysis } } = this.parts;
    const asked = `reporter="source",destination_service_name="${service.name}",destination_service_namespace="{{args.namespace}}",destination_version="${canary.version}"`;
    const rate = (more: string) => `sum(rate(istio_requests_total{${asked}${more}}[${analysis!._interval}]))`;
    new argo.AnalysisTemplate(this.owner, 'AnalysisTemplate', {
      metadata: ownedMetadata(this.owner, this.analysisName, service.namespace),
      spec: {
        args: [{ name: 'namespace' }],
        metrics: [{
          name: 'success-rate',
          interval: analysis!._interval,
          failureLimit: argo.AnalysisTemplateSpecMetricsFailureLimit.fromNumber(analysis!._failureLimit),
          successCondition: `len(result) == 0 || isNaN(result[0]) || result[0] >= ${analysis!._share}`, // no request, no rate
          provider: { prometheus: { address: analysis!._prometheus, query: `${rate(',response_code!~"5.."')} / ${rate('')}` } },
        }],
      },
    });
  }

  /** What only the whole tree shows. */
  private faults(): string[] {
    const { service, stable, canary } = this.parts;
    const found: string[] = [];
    const others = service.versions.filter((version) => version !== stable && version !== canary);
    if (others.length > 0) {
      found.push(`the service must have no versions but stable and canary, since Argo takes other subsets away, got ${others.map(({ version }) => version).join(', ')}; roll those out first, or choose RolloutEngine.none()`);
    }
    const templates = [stable, canary].map((version) => version.object!.name);
    for (const { metadata, spec: { scaleTargetRef: target } } of renderTree(this.root, ({ kind }) => kind === 'HorizontalPodAutoscaler') as any[]) {
      if (target.kind === 'Deployment' && templates.includes(target.name)) found.push(`pods of Deployment ${target.name} must not be scaled by an autoscaler of the Deployment, got ${metadata.name}; let it scale the Rollout ${service.name}`);
    }
    const written = new Set(this.written);
    const mine = [stable.version, canary.version, STABLE, CANARY];
    for (const object of renderTree(this.root, ({ kind }) => kind === 'VirtualService') as any[]) {
      const own = object.metadata.name === service.name && object.metadata.namespace === service.namespace;
      for (const rule of object.spec.http ?? []) {
        if (own && this.managed.includes(rule.name)) found.push(`routes that Argo makes must not be there already, got "${rule.name}"; choose another id`);
        const to = subsetsOf(rule, service.name).filter((subset) => mine.includes(subset));
        if (to.length === 0 || (own && written.has(rule.name))) continue;
        found.push(`no route but the rollout's may lead to a version, since Argo would not change it, got "${rule.name ?? ''}" of VirtualService ${object.metadata.name} to ${to.join(', ')}; lead it to the service`);
      }
    }
    return found.map((text) => finding('MESH_ENGINE_LIMIT', text));
  }
}

/** The number of pods that a Deployment asks for, as it is rendered before anything is changed. */
function replicasOf(object: ApiObject): () => number {
  const owner = object.node.scope;
  if (owner instanceof kplus.Deployment) return () => owner.replicas ?? 2; // what cdk8s-plus renders
  const { replicas = 1 } = object.toJson().spec;
  return () => replicas;
}

/** Subsets of a service that a rule leads to, each once. */
function subsetsOf(rule: HttpRule, service: string): string[] {
  const to = [...rule.route ?? [], ...rule.mirrors ?? []].map((each) => each.destination).filter((each) => each?.subset !== undefined && each.host.split('.')[0] === service);
  return [...new Set(to.map((each) => each!.subset!))];
}
