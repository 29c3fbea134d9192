import { sameItems } from '../model/keep';
import type { Model } from '../model/model';

/** Part of a key: an object counts by identity, anything else by its text. */
export type KeyPart = object | string | number | boolean | undefined;

/** Something of a model that a result may depend on. The same thing is always the same object. */
export interface Source<T> {
  readonly read: (model: Model) => T;
  /** Models of one registry have the same. */
  readonly ofRegistry?: boolean;
  /** Whether two models have the same; by identity, if it does not say. */
  isSame?(a: T, b: T): boolean;
}

/** What was seen of the model at one look. */
interface Look {
  readonly source: Source<unknown>;
  readonly value: unknown;
}

interface Entry {
  readonly result: unknown;
  /** All that was looked at while the result was made, with what was seen. */
  readonly seen: readonly Look[];
  /** What it was made of, where it can be renewed. */
  readonly inputs?: readonly unknown[];
  /** The model for which it was last found true. */
  trueOf: Model;
}

/**
 * A table of results by what they depend on. Two proxies whose keys are equal get the same object,
 * so a message is built and encoded once for all of them.
 *
 * A table may take over the results of an earlier model. What a result saw of the model is noted while it is made, whoever asks for it
 * through `see`; it is true of a later model where it would see the same there.
 */
export class Memo {
  /** How many results of each kind were made here, rather than found. */
  public readonly made = new Map<string, number>();
  private entries: Map<string, Entry>;
  /** Entries when the table was first left to a later one: what the mesh needs at its size. */
  private readonly usual: number | undefined;
  /** The last look at each source. */
  private readonly known = new Map<Source<unknown>, Look>();
  /** Looks on behalf of the results that are being made, those of an inner one after those of the outer one. */
  private readonly looks: Look[] = [];
  /** How many results are being made. */
  private depth = 0;

  public constructor(private readonly model: Model, previous?: Memo) {
    const size = previous?.entries.size ?? 0;
    const usual = previous?.usual ?? size;
    // Results nobody asks for any more cannot be told from others; when they outnumber these, all is made anew.
    const takenOver = previous !== undefined && size <= 2 * usual + SPARE;
    this.entries = takenOver ? previous.entries : new Map();
    this.usual = takenOver ? usual : undefined;
    // The earlier table stays right: it only begins anew.
    if (previous !== undefined) previous.entries = new Map();
  }

  /** How many results are held. */
  public get size(): number {
    return this.entries.size;
  }

  public get<T>(kind: string, parts: readonly KeyPart[], build: () => T): T {
    const key = keyOf(kind, parts);
    const known = this.entries.get(key);
    if (known !== undefined && this.holds(known)) {
      this.note(known.seen);
      return known.result as T;
    }
    return this.make(kind, key, build);
  }

  /**
   * Like `get`, for what is made of lists as long as the mesh: the key says whose it is, and `inputs`, compared one by one, what it is made of.
   * Where they differ, `build` is given the former result, so that it looks at the difference only. It gets none where something that was seen
   * of the model has changed: what it takes over depends on that as well.
   */
  public renew<T>(kind: string, parts: readonly KeyPart[], inputs: readonly unknown[], build: (former?: T) => T): T {
    const key = keyOf(kind, parts);
    const known = this.entries.get(key);
    const former = known !== undefined && this.holds(known) ? known : undefined;
    if (former?.inputs !== undefined && sameItems(former.inputs, inputs)) {
      this.note(former.seen);
      return former.result as T;
    }
    return this.make(kind, key, () => build(former?.result as T | undefined), inputs, former?.seen);
  }

  /** Looks at the model on behalf of the result that is being made. */
  public see<T>(source: Source<T>): T {
    const value = source.read(this.model);
    if (this.depth === 0) return value;
    let look = this.known.get(source);
    if (look === undefined || look.value !== value) this.known.set(source, look = { source, value });
    this.looks.push(look);
    return value;
  }

  private make<T>(kind: string, key: string, build: () => T, inputs?: readonly unknown[], seen: readonly Look[] = NOTHING): T {
    const { looks } = this;
    const start = looks.length;
    for (const look of seen) looks.push(look);
    this.depth++;
    let own: readonly Look[];
    let result: T;
    try {
      result = build();
    } finally {
      this.depth--;
      own = distinct(looks, start);
      looks.length = start;
    }
    this.entries.set(key, { result, seen: own, inputs, trueOf: this.model });
    this.made.set(kind, (this.made.get(kind) ?? 0) + 1);
    this.note(own);
    return result;
  }

  private holds(entry: Entry): boolean {
    if (entry.trueOf === this.model) return true;
    const sameRegistry = entry.trueOf.registry === this.model.registry;
    for (const { source, value } of entry.seen) {
      if (sameRegistry && source.ofRegistry === true) continue;
      const now = source.read(this.model);
      if (now !== value && source.isSame?.(now, value) !== true) return false;
    }
    entry.trueOf = this.model;
    return true;
  }

  private note(seen: readonly Look[]): void {
    if (this.depth === 0) return;
    for (const look of seen) this.looks.push(look);
  }
}

const SPARE = 1000;
const NOTHING: readonly Look[] = [];

/** Takes together the looks from a place on, the last one at each source. Most results look at few things, and there are thousands of them. */
function distinct(looks: Look[], start: number): readonly Look[] {
  if (looks.length === start) return NOTHING;
  if (looks.length - start > FEW) return [...new Map(looks.slice(start).map(look => [look.source, look])).values()];
  let end = start;
  for (let at = start; at < looks.length; at++) {
    let place = start;
    while (place < end && looks[place].source !== looks[at].source) place++;
    looks[place] = looks[at];
    if (place === end) end++;
  }
  return looks.slice(start, end);
}

const FEW = 16;

const ids = new WeakMap<object, string>();
let lastId = 0;

function keyOf(kind: string, parts: readonly KeyPart[]): string {
  let key = kind;
  for (const part of parts) key += typeof part === 'object' ? idOf(part) : `\u0000${part}`;
  return key;
}

/** What stands for an object in keys, made once. */
function idOf(object: object): string {
  let id = ids.get(object);
  if (id === undefined) ids.set(object, id = `\u0000#${++lastId}`);
  return id;
}
