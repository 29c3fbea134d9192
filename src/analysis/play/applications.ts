import { Behaviour, HEALTHY, type Clock, type Phase, type Reaction } from '../../evaluator';
import { MeshError } from '../../model/error';
import { findWorkload } from '../../model/find-workload';
import type { Model } from '../../model/model';
import { resolveHost } from '../../model/names';
import type { Workload } from '../../model/service';

/** Somebody who may answer a request: a Pod, or a host outside the mesh. */
export interface Answerer {
  readonly address: string;
  readonly workload?: Workload;
  /** Host of the cluster that led there. */
  readonly host: string;
}

/** What applications do, as declared: by endpoint, Pod, controller or host. The nearest declaration counts. */
export class Applications {
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly readiness = new Map<string, boolean>();

  public constructor(private readonly model: Model, private readonly clock: Clock) {}

  /** Declares what is behind a name from now on. Throws where nothing has the name. */
  public behave(name: string, namespace: string | undefined, phases: readonly Phase[]): void {
    this.behaviours.set(this.keyOf(name, namespace), new Behaviour(phases, this.clock));
  }

  /** Declares whether endpoints count as ready from now on. */
  public setReady(name: string, namespace: string | undefined, ready: boolean): void {
    this.readiness.set(this.keyOf(name, namespace), ready);
  }

  /** What a connection meets now. */
  public at(answerer: Answerer): Reaction { return this.find(this.behaviours, answerer)?.now() ?? HEALTHY; }

  /** What happens to a request. */
  public take(answerer: Answerer): Reaction { return this.find(this.behaviours, answerer)?.take() ?? HEALTHY; }

  public ready(answerer: Answerer): boolean | undefined { return this.find(this.readiness, answerer); }

  private find<T>(by: ReadonlyMap<string, T>, { address, workload, host }: Answerer): T | undefined {
    const pod = workload && by.get(`pod ${workload.namespace}/${workload.name}`);
    const controller = workload && by.get(`workload ${workload.namespace}/${workload.workload}`);
    return by.get(`address ${address}`) ?? pod ?? controller ?? by.get(`host ${host}`);
  }

  private keyOf(name: string, namespace = 'default'): string {
    const { model } = this;
    if (model.workloads.some(({ ips }) => ips.includes(name)) || /^\d+(\.\d+){3}$/.test(name)) return `address ${name}`;
    let found: Workload;
    try {
      found = findWorkload(model, name, namespace);
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      const host = [name, resolveHost(name, namespace, model.domain)].find(each => model.servicesByHost.has(each));
      if (host === undefined) throw error;
      return `host ${host}`;
    }
    const plain = name.slice(name.indexOf('/') + 1);
    const own = plain === found.name || plain === `${found.name}.${found.namespace}`;
    return own && found.kind === 'Pod' ? `pod ${found.namespace}/${found.name}` : `workload ${found.namespace}/${found.workload}`;
  }
}
