import { status } from '@grpc/grpc-js';
import { MeshError } from '../../../src/model/error';
import type { NodeLike } from '../../../src/model/proxy';
import type { Node } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';
import type { DiscoveryRequest } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';
import type { EventListener } from '../events';
import { typeStatusesOf } from '../status';
import type { ProxyStatus } from '../status';
import { EMPTY_SNAPSHOT } from '../store/snapshot';
import type { Store } from '../store/store';
import { typeOfUrl } from '../xds-types';
import type { AdsStream, StreamHandler } from './server';
import { Session } from './session';

/** What connections share. */
export interface ConnectionContext {
  readonly store: Store;
  readonly emit: EventListener;
  readonly later: (run: () => void, milliseconds: number) => () => void;
  readonly identifier: string;
  readonly patienceMs: number;
}

/** One stream of one proxy: learns from the first message who it is, then keeps its session fed with the current state. */
export class Connection implements StreamHandler {
  private node?: NodeLike;
  private session?: Session;
  /** Requests that came before the first state was there; a stream sends one per type at that point. */
  private early: DiscoveryRequest[] = [];
  private refreshing = false;
  private stale = false;
  private servedGeneration = 0;
  /** Why the current model could not be compiled for this proxy. */
  private failure?: { readonly generation: number; readonly reason: MeshError };
  private announcedGeneration = 0;
  private nonces = 0;
  private open = true;

  public constructor(public readonly number: number, private readonly stream: AdsStream, private readonly context: ConnectionContext) {}

  /** Node id; absent before the first message. */
  public get id(): string | undefined {
    return this.node?.id;
  }

  /** Whether it is known who this is, and that there is a configuration for it. */
  public get served(): boolean {
    return this.session !== undefined;
  }

  /** Whether this proxy has accepted all of the current model. */
  public get synced(): boolean {
    return this.current && this.session!.settled() && this.session!.refused().length === 0;
  }

  /** What the proxy said of the current state's parts that it refused, or why there is no such state. */
  public get refusals(): string[] {
    if (this.failure?.generation === this.context.store.generation) return [this.failure.reason.message];
    if (!this.current || !this.session) return [];
    return this.session.refused().map(type => `${type}: ${this.session!.of(type).rejection!.message}`);
  }

  /** What the proxy waits for or owes, for people. */
  public get missing(): string[] {
    return this.current && this.session ? this.session.missing() : ['its configuration is being made'];
  }

  public status(): ProxyStatus | undefined {
    if (!this.node || !this.session) return undefined;
    return { id: this.node.id, connection: this.number, types: typeStatusesOf(this.session), synced: this.synced };
  }

  public request(request: DiscoveryRequest): void {
    if (this.node === undefined) {
      if (!request.node) {
        this.stream.refuse(status.INVALID_ARGUMENT, 'MESH_NODE_INVALID: the first request carries the node, got none; set node.id in the bootstrap');
        return;
      }
      // Later messages may carry a node too; only the first counts (I1).
      this.node = nodeOf(request.node);
      this.early.push(request);
      void this.refresh();
    } else if (this.session) {
      this.serve(this.session, request);
    } else {
      this.early.push(request);
    }
  }

  public drained(): void {
    this.session?.writable();
  }

  public closed(): void {
    this.open = false;
    this.session?.close();
    if (this.node && this.session) this.context.emit({ kind: 'disconnected', node: this.node.id });
  }

  /** Brings the session to the current model. One run at a time; a model that comes meanwhile makes it run once more. */
  public async refresh(): Promise<void> {
    if (this.node === undefined || !this.open) return;
    this.stale = true;
    if (this.refreshing) return;
    this.refreshing = true;
    while (this.stale && this.open) {
      this.stale = false;
      await this.renew(this.node);
    }
    this.refreshing = false;
  }

  private get current(): boolean {
    return this.session !== undefined && this.servedGeneration === this.context.store.generation;
  }

  private async renew(node: NodeLike): Promise<void> {
    const { store, emit } = this.context;
    const { generation } = store;
    try {
      const state = await store.stateOf(node);
      if (!this.open) return;
      if (state.errors.length > 0) emit({ kind: 'errors', errors: state.errors, node: node.id });
      this.servedGeneration = state.generation;
      if (this.session) this.session.publish(state.snapshot);
      else this.begin(state.snapshot);
      this.announce();
    } catch (error) {
      if (!this.open) return;
      const reason = error instanceof MeshError ? error : new MeshError('MESH_COMPILE_FAILED', `this configuration compiles for every proxy, got "${(error as Error).message}"; what was served before stays`, node.id);
      this.failure = { generation, reason };
      if (this.session) emit({ kind: 'errors', errors: [reason], node: node.id });
      else this.stream.refuse(reason.code === 'MESH_NODE_INVALID' ? status.INVALID_ARGUMENT : status.INTERNAL, reason.message);
    }
  }

  private begin(snapshot: typeof EMPTY_SNAPSHOT): void {
    const { emit, later, identifier, patienceMs } = this.context;
    const node = this.node!.id;
    const session: Session = new Session(snapshot, {
      send: (type, content, nonce) => {
        const taken = this.stream.send({ type, content, nonce, identifier });
        emit({ kind: 'sent', node, type, version: content.version, resources: content.resources.map(({ name }) => name) });
        return taken;
      },
      nextNonce: () => `${this.number}.${this.nonces += 1}`,
      later,
      happened: (type, what) => {
        const { sentVersion: version = '', rejection } = session.of(type);
        if (what === 'ack' || what === 'added' || what === 'unsubscribe') emit({ kind: 'acked', node, type, version });
        if (what === 'nack') emit({ kind: 'rejected', node, type, version, message: rejection?.message ?? '' });
      },
    }, patienceMs);
    this.session = session;
    emit({ kind: 'connected', node, peer: this.stream.peer });
    const early = this.early;
    this.early = [];
    for (const request of early) this.serve(session, request);
  }

  private serve(session: Session, request: DiscoveryRequest): void {
    const type = typeOfUrl(request.typeUrl);
    if (type === undefined) return; // types we never have anything of: istiod, too, stays silent
    session.request(type, request);
    this.announce();
  }

  private announce(): void {
    if (!this.synced || this.announcedGeneration === this.servedGeneration) return;
    this.announcedGeneration = this.servedGeneration;
    this.context.emit({ kind: 'synced', node: this.node!.id, generation: this.servedGeneration });
  }
}

function nodeOf(node: Node): NodeLike {
  return { id: node.id, cluster: node.cluster, metadata: node.metadata ?? {}, ...(node.locality && { locality: node.locality }) };
}
