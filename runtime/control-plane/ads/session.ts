import type { EncodedResource } from '../store/encoded';
import { differencesOf } from '../store/resource-set';
import type { ResourceSet } from '../store/resource-set';
import type { Snapshot } from '../store/snapshot';
import { TYPES } from '../xds-types';
import type { XdsType } from '../xds-types';
import { Subscription } from './subscription';
import type { Content, RequestKind, TypeRequest } from './subscription';

const NOTHING: ResourceSet = new Map();

/** How a session reaches the world. */
export interface SessionPort {
  /** Writes a response; false when the stream wants a pause, after which `writable()` must be called. */
  readonly send: (type: XdsType, content: Content, nonce: string) => boolean;
  /** Unique for the lifetime of the stream. */
  readonly nextNonce: () => string;
  /** Runs something later; returns how to call it off. */
  readonly later: (run: () => void, milliseconds: number) => () => void;
  /** Told of what happened, after the state is up to date. */
  readonly happened: (type: XdsType, what: 'sent' | RequestKind) => void;
}

/**
 * One client's stream over all types: who is sent what, and in which order.
 *
 * What a client asks for is answered at once. A change of the configuration is pushed make-before-break:
 *   1. clusters, the old ones beside the new, and the endpoints of those that changed;
 *   2. when the client has taken them (Envoy acknowledges CDS only once its new clusters are warm), listeners and routes;
 *   3. when it has taken those, clusters again, without the old ones.
 * No step is stored. Each is derived from what the client has and what it should have, so a newer change in the middle of it
 * simply becomes the goal.
 */
export class Session {
  private readonly subscriptions: Readonly<Record<XdsType, Subscription>>;
  private readonly reminders = new Map<XdsType, () => void>();
  /** Clusters that the client has and the snapshot lacks, for the pair they were found for. */
  private leaving?: { readonly sent: ResourceSet; readonly set: ResourceSet; readonly clusters: [string, EncodedResource][] };
  /** Sets of the snapshot as far as they were looked at, and of those before it. */
  private readonly sets = new Map<XdsType, ResourceSet>();
  private former: ReadonlyMap<XdsType, ResourceSet> = new Map();
  private paused = false;
  private closed = false;

  public constructor(
    private snapshot: Snapshot, private readonly port: SessionPort,
    /** How long an unacknowledged response holds back what should follow it. A cluster that waits for a missing secret never gets warm. */
    private readonly patienceMs: number,
  ) {
    this.subscriptions = Object.fromEntries(TYPES.map(type => [type, new Subscription(type)])) as Record<XdsType, Subscription>;
  }

  public of(type: XdsType): Subscription {
    return this.subscriptions[type];
  }

  public request(type: XdsType, request: TypeRequest): void {
    const subscription = this.of(type);
    const kind = subscription.request(request);
    if (!subscription.inFlight) this.forgetReminder(type);
    // A client that starts over with clusters warms them again, so it needs endpoints even where it seems to have them (I2).
    if (type === 'CDS' && kind === 'first') this.of('EDS').expectAnswer();
    this.port.happened(type, kind);
    this.pump();
  }

  public publish(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.former = new Map([...this.former, ...this.sets]);
    this.sets.clear();
    this.pump();
  }

  /** The stream takes more again. */
  public writable(): void {
    this.paused = false;
    this.pump();
  }

  public close(): void {
    this.closed = true;
    for (const cancel of this.reminders.values()) cancel();
    this.reminders.clear();
  }

  /** Whether the client has taken, or refused, all it should have. */
  public settled(): boolean {
    const { CDS, LDS } = this.subscriptions;
    return CDS.watching && LDS.watching && TYPES.every(type => this.hasAll(type));
  }

  /** Types whose current content the client refused: where another is on its way, what was said of the one before is over. */
  public refused(): XdsType[] {
    return TYPES.filter(type => this.of(type).rejection !== undefined && this.of(type).push(this.setOf(type)) === undefined);
  }

  /** What the client still lacks, for people. */
  public missing(): string[] {
    return TYPES.flatMap(type => {
      const subscription = this.of(type);
      if (subscription.inFlight) return [`${type} is not acknowledged`];
      if (!subscription.watching) return type === 'CDS' || type === 'LDS' || this.expected(type).length > 0 ? [`${type} is not asked for`] : [];
      const unasked = this.expected(type).filter(name => !subscription.names.has(name));
      if (unasked.length > 0) return [`${type} ${unasked.join(', ')} is not asked for`];
      return subscription.push(this.goal(type)) ? [`${type} is not sent`] : [];
    });
  }

  /** What the client should have of a type. A set that is as it was stays the same one: nothing looks at it again. */
  private setOf(type: XdsType): ResourceSet {
    let set = this.sets.get(type);
    if (set === undefined) {
      const next = this.snapshot[type];
      const before = this.former.get(type);
      set = before !== undefined && differencesOf(before, next).size === 0 ? before : next;
      this.sets.set(type, set);
    }
    return set;
  }

  private pump(): void {
    for (const type of this.watched(TYPES)) this.deliver(type, this.of(type).answer(this.goal(type)));
    const clusters = this.of('CDS');
    const before = clusters.sent;
    if (this.deliver('CDS', clusters.push(this.goal('CDS')))) this.warmAgain(before, clusters.sent);
    this.deliver('EDS', this.of('EDS').push(this.goal('EDS')));
    if (!clusters.blocked) {
      this.deliver('LDS', this.of('LDS').push(this.goal('LDS')));
      this.deliver('RDS', this.of('RDS').push(this.goal('RDS')));
    }
    for (const type of this.watched(['SDS', 'ECDS', 'NDS'])) this.deliver(type, this.of(type).push(this.goal(type)));
  }

  private watched(types: readonly XdsType[]): XdsType[] {
    return types.filter(type => this.of(type).watching);
  }

  /** What a type should be for now: for clusters, with the old ones that routes in use may still lead to. */
  private goal(type: XdsType): ResourceSet {
    // What nobody asks for is not even made.
    if (!this.of(type).watching) return NOTHING;
    const set = this.setOf(type);
    const { sent, wildcard } = this.of(type);
    if (type !== 'CDS' || !wildcard) return set;
    if (this.leaving?.sent !== sent || this.leaving.set !== set) this.leaving = { sent, set, clusters: [...sent].filter(([name]) => !set.has(name)) };
    const { clusters } = this.leaving;
    return clusters.length === 0 || this.routesTaken() ? set : new Map([...set, ...clusters]);
  }

  /** Listeners and routes are those of the snapshot, accepted. After a refusal the client keeps old routes, so never then. */
  private routesTaken(): boolean {
    return (['LDS', 'RDS'] as const).every(type => !this.of(type).watching || (this.of(type).rejection === undefined && this.hasAll(type)));
  }

  private hasAll(type: XdsType): boolean {
    const subscription = this.of(type);
    if (subscription.inFlight) return false;
    if (!subscription.watching) return this.expected(type).length === 0;
    if (subscription.push(this.goal(type)) !== undefined) return false;
    if (!this.byNameOfAll(type)) return true;
    const expected = this.setOf(type);
    if (expected.size > subscription.names.size) return false;
    for (const name of expected.keys()) if (!subscription.names.has(name)) return false;
    return true;
  }

  /** Names a client of everything comes to ask for. Secrets may be missing, so none is expected. */
  private expected(type: XdsType): string[] {
    return this.byNameOfAll(type) ? [...this.setOf(type).keys()] : [];
  }

  private byNameOfAll(type: XdsType): boolean {
    return this.of('CDS').wildcard && (type === 'EDS' || type === 'RDS');
  }

  /** A cluster whose definition changed warms from nothing and asks for its endpoints in a way that looks like an acknowledgement. */
  private warmAgain(before: ResourceSet, after: ResourceSet): void {
    for (const name of differencesOf(before, after)) {
      const cluster = after.get(name);
      if (cluster?.edsName !== undefined && before.has(name)) this.of('EDS').force(cluster.edsName);
    }
  }

  private deliver(type: XdsType, content: Content | undefined): boolean {
    if (content === undefined || this.paused || this.closed) return false;
    const subscription = this.of(type);
    const nonce = this.port.nextNonce();
    subscription.delivered(content, nonce);
    this.forgetReminder(type);
    this.reminders.set(type, this.port.later(() => {
      this.reminders.delete(type);
      subscription.overdue = true;
      this.pump();
    }, this.patienceMs));
    this.paused = !this.port.send(type, content, nonce);
    this.port.happened(type, 'sent');
    return true;
  }

  private forgetReminder(type: XdsType): void {
    this.reminders.get(type)?.();
    this.reminders.delete(type);
  }
}
