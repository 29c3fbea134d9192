import type { EncodedResource } from '../store/encoded';
import { versionOf } from '../store/encoded';
import { differencesOf, isSame, setOf, versionOfSet } from '../store/resource-set';
import type { ResourceSet } from '../store/resource-set';
import { isWholeState } from '../xds-types';
import type { XdsType } from '../xds-types';

/** A request of one type, as far as the protocol reads it. */
export interface TypeRequest {
  readonly resourceNames: readonly string[];
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string };
}

/** What a response carries. */
export interface Content {
  readonly version: string;
  readonly resources: readonly EncodedResource[];
  /** What they were taken from. */
  readonly set: ResourceSet;
  /** With them the client has all of the set that it watches. */
  readonly complete: boolean;
}

/** What a request turned out to be (istio-behaviour I2). */
export type RequestKind = 'first' | 'added' | 'ack' | 'nack' | 'stale' | 'unsubscribe';

/** A version the client refused, with the content hashes of the resources that were in it. */
export interface Rejection {
  readonly version: string;
  readonly message: string;
  readonly resources: ReadonlyMap<string, string>;
}

/**
 * What one client knows of one type: the state-of-the-world protocol of one type on one stream, without any I/O.
 * Requests go in through `request()`; `answer()` and `push()` say what to send, and `delivered()` takes note that it was.
 */
export class Subscription {
  /** Whether the client wants this type at all. */
  public watching = false;
  /** All resources of the type, whatever their name. */
  public wildcard = false;
  public readonly names = new Set<string>();
  /** A response is out and neither accepted nor rejected. */
  public inFlight = false;
  /** The client has been silent about that response for so long that a newer one may follow it. */
  public overdue = false;
  public sentVersion?: string;
  public ackedVersion?: string;
  public rejection?: Rejection;
  /** What the client was last sent of a type whose state is always sent as a whole. */
  public sent: ResourceSet = NOTHING;
  /** What it was last sent of the others, by name. */
  private readonly parts = new Map<string, EncodedResource>();
  /** The set of which it was sent all that it watches, where nothing else was sent since: only the difference to it needs a look. */
  private upTo?: ResourceSet;
  private nonce = '';
  private lastResponse: readonly EncodedResource[] = [];
  /** Names asked for and not answered yet. */
  private readonly wanted = new Set<string>();
  /** Names to send again although their content is the same. */
  private readonly forced = new Set<string>();
  /** The client waits for a response even if nothing is in it. */
  private answerDue = false;
  /** The next request is answered even if it looks like an acknowledgement. */
  private answerNext = false;
  /** The set that there was nothing to push of, until something happens here: most looks at a subscription find it as it was. */
  private quietFor?: ResourceSet;

  public constructor(public readonly type: XdsType) {}

  /** Nothing may be sent now: one response of a type at a time bounds what a slow client can hold up. */
  public get blocked(): boolean {
    return this.inFlight && !this.overdue;
  }

  public request(request: TypeRequest): RequestKind {
    this.quietFor = undefined;
    if (request.responseNonce === '' || this.nonce === '') return this.start(request.resourceNames);
    if (request.responseNonce !== this.nonce) {
      // Too old to be an answer, but what it no longer names the client had let go of: if it asks again, it must be answered.
      this.forget(request.resourceNames);
      return 'stale';
    }
    this.inFlight = false;
    if (request.errorDetail) {
      const refused = this.lastResponse.map(({ name, hash }): [string, string] => [name, hash]);
      this.rejection = {
        version: this.sentVersion ?? '',
        message: request.errorDetail.message,
        resources: new Map([...this.rejection?.resources ?? [], ...refused]),
      };
      this.rename(request.resourceNames);
      return 'nack';
    }
    this.ackedVersion = this.sentVersion;
    if (!this.wildcard && request.resourceNames.length === 0) {
      this.watching = false;
      this.rename([]);
      return 'unsubscribe';
    }
    const added = this.rename(request.resourceNames);
    if (!this.answerNext) return added ? 'added' : 'ack';
    this.answerNext = false;
    this.answerDue = true;
    for (const name of this.names) this.wanted.add(name);
    return 'added';
  }

  /** What the client asked for, if it waits for something. */
  public answer(set: ResourceSet): Content | undefined {
    if (!this.watching || this.blocked) return undefined;
    // A name without a resource is served by a push, once it has one.
    for (const name of this.wanted) if (!set.has(name)) this.wanted.delete(name);
    if (!this.answerDue && this.wanted.size === 0) return undefined;
    return this.content(isWholeState(this.type) ? this.whole(set) : found(this.wanted, set), set, false);
  }

  /** What changed since the client was last told; nothing where that is what it rejected. */
  public push(set: ResourceSet): Content | undefined {
    if (!this.watching || this.blocked || this.quietFor === set) return undefined;
    const resources = isWholeState(this.type) ? this.changedWhole(set) : this.changedByName(set);
    if (resources === undefined) {
      this.quietFor = set;
      this.upTo = set;
    }
    return resources && this.content(resources, set, true);
  }

  public delivered(content: Content, nonce: string): void {
    this.quietFor = undefined;
    this.nonce = nonce;
    this.inFlight = true;
    this.overdue = false;
    this.answerDue = false;
    this.sentVersion = content.version;
    this.lastResponse = content.resources;
    this.wanted.clear();
    if (isWholeState(this.type)) {
      this.sent = this.wildcard ? content.set : setOf(content.resources);
    } else {
      this.upTo = content.complete ? content.set : undefined;
      for (const resource of content.resources) this.parts.set(resource.name, resource);
    }
    if (this.forced.size > 0) for (const { name } of content.resources) this.forced.delete(name);
    this.rejection = this.rejection && this.without(this.rejection, content.resources);
  }

  /** Makes the next push carry this name whether or not it changed. */
  public force(name: string): void {
    if (!this.names.has(name)) return;
    this.forced.add(name);
    this.quietFor = undefined;
  }

  /** Makes the next request be answered in full even if it looks like an acknowledgement. */
  public expectAnswer(): void {
    this.answerNext = this.watching;
  }

  private changedWhole(set: ResourceSet): EncodedResource[] | undefined {
    if (this.wildcard) return differencesOf(this.sent, set).size === 0 ? undefined : [...set.values()];
    const whole = this.whole(set);
    return whole.length === this.sent.size && whole.every(resource => isSame(this.sent.get(resource.name), resource)) ? undefined : whole;
  }

  private changedByName(set: ResourceSet): EncodedResource[] | undefined {
    const changed = new Set(this.reopened(set));
    const known = changed.size === 0 && this.forced.size === 0 && this.rejection === undefined ? this.upTo : undefined;
    for (const name of known === undefined ? this.names : differencesOf(known, set)) {
      const resource = set.get(name);
      if (resource && this.names.has(name) && (this.forced.has(name) || !isSame(this.parts.get(name), resource))) changed.add(name);
    }
    return changed.size === 0 ? undefined : found([...changed].sort(), set);
  }

  private start(names: readonly string[]): RequestKind {
    this.inFlight = false;
    this.rejection = undefined;
    this.answerNext = false;
    this.sent = NOTHING;
    this.parts.clear();
    this.upTo = undefined;
    this.forced.clear();
    this.names.clear();
    this.wildcard = isWholeState(this.type) && (names.length === 0 || names.includes('*'));
    this.watching = this.wildcard || names.length > 0;
    this.answerDue = this.watching;
    this.rename(names);
    return 'first';
  }

  /** Takes over the client's list of names; true if there are new ones. */
  private rename(names: readonly string[]): boolean {
    if (this.wildcard) return false;
    this.forget(names);
    let added = false;
    for (const name of names) {
      if (this.names.has(name)) continue;
      this.names.add(name);
      this.wanted.add(name);
      added = true;
    }
    if (added) this.watching = true;
    return added;
  }

  private forget(names: readonly string[]): void {
    if (this.wildcard) return;
    const kept = new Set(names);
    for (const name of this.names) {
      if (kept.has(name)) continue;
      this.names.delete(name);
      this.wanted.delete(name);
      this.forced.delete(name);
      this.parts.delete(name);
      if (this.sent.has(name)) this.sent = setOf([...this.sent.values()].filter(resource => resource.name !== name));
    }
  }

  /**
   * Names of a rejected response that have to come again because something of it changed. A rejection concerns the response as a
   * whole, and nobody knows which of its resources the client took, so the good ones come with the repaired one.
   */
  private reopened(set: ResourceSet): string[] {
    if (!this.rejection) return [];
    const { resources } = this.rejection;
    const present = [...resources.keys()].filter(name => this.names.has(name) && set.has(name));
    if (present.length === resources.size && present.every(name => set.get(name)!.hash === resources.get(name))) return [];
    if (present.length === 0) this.rejection = undefined; // nobody wants any of it any more
    return present;
  }

  private without(rejection: Rejection, sentAgain: readonly EncodedResource[]): Rejection | undefined {
    if (isWholeState(this.type)) return undefined;
    const resources = new Map(rejection.resources);
    for (const { name } of sentAgain) resources.delete(name);
    for (const name of resources.keys()) if (!this.names.has(name)) resources.delete(name);
    return resources.size === 0 ? undefined : { ...rejection, resources };
  }

  /** The version names all that the client watches, also where only a part of it is in the response. */
  private content(resources: readonly EncodedResource[], set: ResourceSet, complete: boolean): Content {
    return { version: this.watchesAll(set) ? versionOfSet(set) : versionOf(this.whole(set)), resources, set, complete };
  }

  private watchesAll(set: ResourceSet): boolean {
    if (this.wildcard) return true;
    if (set.size > this.names.size) return false;
    for (const name of set.keys()) if (!this.names.has(name)) return false;
    return true;
  }

  private whole(set: ResourceSet): EncodedResource[] {
    return this.wildcard ? [...set.values()] : found(this.sortedNames(), set);
  }

  private sortedNames(): string[] {
    return [...this.names].sort();
  }
}

const NOTHING: ResourceSet = new Map();

function found(names: Iterable<string>, set: ResourceSet): EncodedResource[] {
  const resources: EncodedResource[] = [];
  for (const name of names) {
    const resource = set.get(name);
    if (resource) resources.push(resource);
  }
  return resources;
}
