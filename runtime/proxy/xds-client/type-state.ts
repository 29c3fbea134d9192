import { createHash } from 'crypto';
import type { Any } from '@bufbuild/protobuf/wkt';
import { TYPES, type Messages, type TypeName } from './resource-types';
import type { DiscoveryResponse } from '../../../src/xds/gen/envoy/service/discovery/v3/discovery_pb';

/** One resource as it was accepted last. */
export interface Accepted<T extends TypeName> {
  readonly message: Messages[T];
  readonly version: string;
  /** When it came, milliseconds since 1970. */
  readonly at: number;
  readonly digest: string;
}

/** A response taken whole, or why not. */
export type Reading<T extends TypeName> = { readonly next: ReadonlyMap<string, Accepted<T>> } | { readonly error: string };

/** What the client knows of one type: what was accepted, and where the conversation stands. */
export class TypeState<T extends TypeName> {
  /** Names asked for; unused for wildcard types. */
  public names: readonly string[] = [];
  /** Version of the last response that was accepted whole. */
  public version = '';
  /** Nonce of the last response on this stream. */
  public nonce = '';
  public requested = false;
  /** A response was accepted, on this stream or an earlier one. */
  public received = false;
  /** Text of the last refusal; '' once a later response was accepted. */
  public rejection = '';
  public accepted: ReadonlyMap<string, Accepted<T>> = new Map();

  public constructor(public readonly type: T) {}

  /**
   * Reads a response against what is there. Either all of it can be taken, or nothing is and the reasons are told, one for each resource.
   * A resource whose bytes did not change keeps its message, and so everything that was prepared from it.
   */
  public read({ resources, versionInfo }: DiscoveryResponse, at: number): Reading<T> {
    const { wildcard } = TYPES[this.type];
    const byDigest = new Map([...this.accepted.values()].map(known => [known.digest, known]));
    const next = new Map(wildcard ? [] : this.accepted);
    const errors: string[] = [];
    for (const any of resources) {
      const read = this.readOne(any, byDigest, versionInfo, at);
      if ('error' in read) errors.push(read.error);
      else next.set(TYPES[this.type].name(read.message), read);
    }
    return errors.length > 0 ? { error: errors.join('; ') } : { next };
  }

  /** Forgets what is no longer asked for. */
  public keepOnly(names: readonly string[]): void {
    if ([...this.accepted.keys()].every(name => names.includes(name))) return;
    this.accepted = new Map([...this.accepted].filter(([name]) => names.includes(name)));
  }

  /** A new stream knows nothing of the old one's nonces. */
  public newStream(): void {
    this.nonce = '';
    this.requested = false;
  }

  public get messages(): Messages[T][] {
    return [...this.accepted.values()].map(({ message }) => message);
  }

  private readOne(any: Any, known: ReadonlyMap<string, Accepted<T>>, version: string, at: number): Accepted<T> | { readonly error: string } {
    const type = TYPES[this.type];
    if (any.typeUrl !== type.url) return { error: `expected ${type.url}, got ${any.typeUrl}` };
    const digest = createHash('sha256').update(any.value).digest('base64');
    const same = known.get(digest);
    if (same !== undefined) return same;
    let name = '';
    try {
      const message = type.decode(any.value);
      name = type.name(message);
      if (name === '') return { error: `${this.type}: a resource without a name` };
      type.check(message);
      return { message, version, at, digest };
    } catch (error) {
      return { error: `${name === '' ? this.type : name}: ${(error as Error).message}` };
    }
  }
}
