import { PLAN_LABEL } from '../../../src/analysis/rollout/plans';
import { type Json, isObject, objectOf, objectsOf, textMapOf, textOf } from '../../../src/model/json';
import { type Answer, ask, objectIn, type PatchType } from '../kubernetes/client';
import type { Access } from '../kubernetes/kubeconfig';

const MANAGER = 'cdk8s-mesh';

/** The part of a cluster that rollouts are about: one namespace. */
export class Cluster {
  public constructor(private readonly access: Access, public readonly namespace: string, private readonly signal: AbortSignal) {}

  /** What the namespace has of services, workloads, routes, subsets, policies and rollouts. Kinds that the cluster does not have are left out. */
  public async manifests(): Promise<Json[]> {
    const plans = `?labelSelector=${encodeURIComponent(PLAN_LABEL)}`;
    const lists = await Promise.all([
      this.list('v1', 'Service', 'services'), this.list('v1', 'ConfigMap', `configmaps${plans}`),
      ...['Deployment', 'StatefulSet', 'DaemonSet'].map(async kind => this.list('apps/v1', kind, `${kind.toLowerCase()}s`)),
      ...['VirtualService', 'DestinationRule', 'Sidecar'].map(async kind => this.list('networking.istio.io/v1', kind, `${kind.toLowerCase()}s`)),
      this.list('security.istio.io/v1', 'PeerAuthentication', 'peerauthentications'),
      this.list('argoproj.io/v1alpha1', 'Rollout', 'rollouts'),
    ]);
    return lists.flat();
  }

  /** Whether some ready Pod carries these labels. */
  public async hasReadyPod(labels: Json): Promise<boolean> {
    const selector = Object.entries(textMapOf(labels)).map(([key, value]) => `${key}=${value}`).join(',');
    const pods = await this.list('v1', 'Pod', `pods?labelSelector=${encodeURIComponent(selector)}`);
    return pods.some(({ status, metadata }) => objectOf(metadata).deletionTimestamp === undefined
      && objectsOf(objectOf(status).conditions).some(({ type, status: is }) => type === 'Ready' && is === 'True'));
  }

  /** Changes a Rollout as `kubectl argo rollouts` does. */
  public async patchRollout(name: string, change: Json, part: '' | '/status', dryRun: boolean): Promise<void> {
    await this.patch(`apis/argoproj.io/v1alpha1/namespaces/${this.namespace}/rollouts/${name}${part}`, change, 'application/merge-patch+json', dryRun ? '?dryRun=All' : '');
  }

  /** Server-side apply of a VirtualService's routes. */
  public async applyRoutes({ metadata, spec, apiVersion }: Json, force: boolean, dryRun: boolean): Promise<void> {
    const name = textOf(objectOf(metadata).name) ?? '';
    const query = `?fieldManager=${MANAGER}&fieldValidation=Strict${force ? '&force=true' : ''}${dryRun ? '&dryRun=All' : ''}`;
    const object = { apiVersion, kind: 'VirtualService', metadata: { name, namespace: this.namespace }, spec: { http: objectOf(spec).http } };
    await this.patch(`apis/${textOf(apiVersion)}/namespaces/${this.namespace}/virtualservices/${name}`, object, 'application/apply-patch+yaml', query);
  }

  private async list(apiVersion: string, kind: string, resource: string): Promise<Json[]> {
    const root = apiVersion.includes('/') ? 'apis' : 'api';
    const answer = await this.ask('GET', `${root}/${apiVersion}/namespaces/${this.namespace}/${resource}`);
    return objectsOf(objectIn(this.access, `the ${kind}s`, answer)?.items).map(each => ({ apiVersion, kind, ...each }));
  }

  private async patch(path: string, change: Json, type: PatchType, query: string): Promise<void> {
    const answer = await this.ask('PATCH', `${path}${query}`, change, type);
    if (!isObject(objectIn(this.access, path, answer))) throw new Error(`${path} is gone`);
  }

  private async ask(method: 'GET' | 'PATCH', path: string, object?: Json, type?: PatchType): Promise<Answer> {
    return ask(this.access, method, path, object, type, this.signal);
  }
}
