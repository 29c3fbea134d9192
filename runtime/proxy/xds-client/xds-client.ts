import { create, type JsonObject } from '@bufbuild/protobuf';
import type { ProxyResources } from '../../../src/evaluator';
import { NodeSchema, type Node } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';
import { DiscoveryRequestSchema, type DiscoveryResponse } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';
import { StatusSchema } from '../../../src/xds/gen/google/rpc/status_pb';
import type { Applied } from '../data-plane';
import type { Clock } from '../timers';
import { AdsChannel, type AdsStream } from './ads-stream';
import { effective, endpointName, routeNames, type Effective, type States } from './effective';
import { TYPE_NAMES, TYPES, type TypeName } from './resource-types';
import { TypeState } from './type-state';

/** Who the proxy is. */
export interface NodeFacts {
  readonly id: string;
  readonly cluster?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface XdsClientOptions {
  readonly node: NodeFacts;
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: (message: string) => void;
  /** Puts a configuration in force; the response that brought it is acknowledged afterwards. */
  readonly apply: (resources: ProxyResources) => Promise<Applied>;
}

/** How often and with what outcome updates of one type came, for admin. */
export interface TypeStats {
  attempt: number;
  success: number;
  rejected: number;
  failure: number;
}

const BACK_OFF_MS = 250;
const MAX_BACK_OFF_MS = 10_000;
const INVALID_ARGUMENT = 3;

/**
 * State-of-the-world ADS. What is accepted is put in force, then acknowledged; what cannot be served is refused with the reason and
 * what was in force stays. Without a control plane the proxy goes on with what it has, and tries again at growing, uneven intervals.
 */
export class XdsClient {
  public readonly states: States = { CDS: new TypeState('CDS'), EDS: new TypeState('EDS'), LDS: new TypeState('LDS'), RDS: new TypeState('RDS') };
  public readonly stats: Readonly<Record<TypeName, TypeStats>> = {
    CDS: fresh(), EDS: fresh(), LDS: fresh(), RDS: fresh(),
  };
  public connected = false;
  public warming: Pick<Effective, 'warmingClusters' | 'warmingListeners'> = { warmingClusters: [], warmingListeners: [] };
  public failedListeners: Applied['failed'] = [];
  /** Resolves once everything that was asked for at first is in force. */
  public readonly ready: Promise<void>;

  private readonly channel: AdsChannel;
  private readonly node: Node;
  private stream: AdsStream | undefined;
  private attempts = 0;
  private retry: { cancel(): void } | undefined;
  private closed = false;
  private inForce: ProxyResources = { listeners: [], clusters: [], routes: [], endpoints: [] };
  private queue: Promise<void> = Promise.resolve();
  private readonly settled: { now?: () => void } = {};

  public constructor(private readonly options: XdsClientOptions) {
    this.channel = new AdsChannel(options.host, options.port);
    const { id, cluster = '', metadata = {} } = options.node;
    this.node = create(NodeSchema, { id, cluster, metadata: metadata as JsonObject, userAgentName: 'cdk8s-mesh' });
    this.ready = new Promise(resolve => this.settled.now = resolve);
  }

  public start(): void {
    if (this.closed) return;
    const stream: AdsStream = this.channel.open({
      onResponse: response => {
        this.attempts = 0;
        this.connected = true;
        this.queue = this.queue.then(() => this.take(response, stream)).catch(error => this.options.log(`xDS: ${(error as Error).stack}`));
      },
      onEnd: reason => this.reconnect(reason),
    });
    this.stream = stream;
    for (const name of TYPE_NAMES) this.states[name].newStream();
    this.request('CDS');
    this.request('LDS');
    for (const name of ['EDS', 'RDS'] as const) {
      if (this.states[name].names.length > 0) this.request(name);
    }
  }

  public async close(): Promise<void> {
    this.closed = true;
    this.retry?.cancel();
    this.stream?.cancel();
    this.channel.close();
    await this.queue;
  }

  private reconnect(reason: string): void {
    this.stream = undefined;
    const was = this.connected;
    this.connected = false;
    if (this.closed) return;
    if (was || this.attempts === 0) this.options.log(`control plane is away (${reason}); what is in force stays, trying again`);
    const limit = Math.min(MAX_BACK_OFF_MS, BACK_OFF_MS * 2 ** this.attempts++);
    this.retry = this.options.clock.after(limit / 2 + this.options.random() * limit / 2, () => this.start());
  }

  /** Takes one response: refuses it, or puts it in force and acknowledges it. */
  private async take(response: DiscoveryResponse, stream: AdsStream): Promise<void> {
    const name = TYPE_NAMES.find(each => TYPES[each].url === response.typeUrl);
    if (name === undefined || this.closed) return;
    const state = this.states[name] as TypeState<TypeName>;
    this.stats[name].attempt++;
    // Responses of a stream that is gone say what the control plane meant then; the new stream will say it again.
    if (stream !== this.stream) return;
    state.nonce = response.nonce;
    const read = state.read(response, this.options.clock.wall());
    if ('error' in read) return this.refuse(name, read.error);
    const before = state.accepted;
    state.accepted = read.next;
    this.subscribe();
    const failed = await this.putInForce();
    if (name === 'LDS' && failed.length > 0) {
      // As Envoy: a listener whose address cannot be had is refused; those beside it are in force.
      state.accepted = withoutFailed(state.accepted, before, failed);
      return this.refuse(name, failed.map(({ name: each, error }) => `error adding listener ${each}: ${error}`).join('; '));
    }
    state.version = response.versionInfo;
    state.received = true;
    state.rejection = '';
    this.stats[name].success++;
    this.request(name);
    this.checkReady();
  }

  private refuse(name: TypeName, error: string): void {
    this.stats[name].rejected++;
    this.states[name].rejection = error;
    this.options.log(`${name} refused: ${error}`);
    this.request(name, error);
  }

  /** Asks for the endpoints and routes that clusters and listeners name now. */
  private subscribe(): void {
    const { CDS, LDS } = this.states;
    this.ask('EDS', unique(CDS.messages.flatMap(cluster => endpointName(cluster) ?? [])));
    // Routes of a listener that is still in force are needed until its successor is.
    this.ask('RDS', unique([...LDS.messages, ...this.inForce.listeners.filter(({ name }) => LDS.accepted.has(name))].flatMap(routeNames)));
  }

  private ask(name: 'EDS' | 'RDS', names: readonly string[]): void {
    const state = this.states[name];
    if (names.join('\0') === state.names.join('\0')) return;
    const asked = state.requested || names.length > 0;
    state.names = names;
    if (asked) this.request(name);
  }

  private request(name: TypeName, error?: string): void {
    const state = this.states[name];
    const first = TYPE_NAMES.every(each => !this.states[each].requested);
    state.requested = true;
    this.stream?.send(create(DiscoveryRequestSchema, {
      typeUrl: TYPES[name].url,
      versionInfo: state.version,
      responseNonce: state.nonce,
      resourceNames: [...state.names],
      ...(first && { node: this.node }),
      ...(error !== undefined && { errorDetail: create(StatusSchema, { code: INVALID_ARGUMENT, message: error }) }),
    }));
  }

  private async putInForce(): Promise<Applied['failed']> {
    const { CDS, LDS, EDS, RDS } = this.states;
    const next = effective(this.states, this.inForce);
    const { failed } = await this.options.apply(next.resources);
    this.inForce = next.resources;
    this.warming = next;
    this.failedListeners = failed;
    // Endpoints and routes that nothing in force names any more are dropped, so that they come anew when they are wanted again.
    const { resources } = next;
    EDS.keepOnly(unique([...CDS.messages, ...resources.clusters].flatMap(cluster => endpointName(cluster) ?? [])));
    RDS.keepOnly(unique([...LDS.messages, ...resources.listeners].flatMap(routeNames)));
    return failed;
  }

  private checkReady(): void {
    const { CDS, LDS } = this.states;
    const { warmingClusters, warmingListeners } = this.warming;
    if (CDS.received && LDS.received && warmingClusters.length === 0 && warmingListeners.length === 0) this.settled.now?.();
  }
}

/** What failed is as it was before: in its old version, or not there. */
function withoutFailed<T>(next: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>, failed: Applied['failed']): ReadonlyMap<string, T> {
  const out = new Map(next);
  for (const { name } of failed) {
    const old = before.get(name);
    if (old === undefined) out.delete(name);
    else out.set(name, old);
  }
  return out;
}

function fresh(): TypeStats {
  return { attempt: 0, success: 0, rejected: 0, failure: 0 };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
