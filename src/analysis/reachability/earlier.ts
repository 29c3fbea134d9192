import { coversHttp } from './http-cover';
import type { HttpCondition } from './http-cover';

/** How many earlier matches without a telling part are compared with a later one; beyond that nothing can be told. */
const MOST_COMPARED = 200;

/** How many headers are tried for parting a match in two. */
const MOST_PARTING = 8;

/**
 * Matches that came before, found by their most telling part: a later match asks only those that can cover it, so a list of
 * thousands is not compared with itself.
 */
export class Earlier<T> {
  private readonly table = new Map<string, { readonly condition: HttpCondition; readonly order: number; readonly value: T }[]>();
  private readonly lengths = new Set<number>();
  /** Headers of which matches ask whether they are there, and whether they are not: with and without one is everything. */
  private readonly presence = new Map<string, 'with' | 'without' | 'both'>();
  private readonly parting: string[] = [];
  private count = 0;

  public add(condition: HttpCondition, value: T): void {
    const key = this.keyOf(condition);
    const list = this.table.get(key);
    const entry = { condition, order: this.count++, value };
    for (const [name, part] of condition.headers) if (part === undefined) this.asked(name, 'with');
    for (const [name, part] of condition.withoutHeaders) if (part === undefined) this.asked(name, 'without');
    if (list === undefined) this.table.set(key, [entry]);
    else if (list.length < MOST_COMPARED) list.push(entry);
  }

  /** Earlier matches that together take everything the given one takes: one, or several that part it by gateway or by a header's presence; else none. */
  public coversOf(condition: HttpCondition): readonly T[] {
    const whole = this.coverOf(condition);
    if (whole !== undefined) return [whole];
    const parted = condition.gateways.length > 1 ? this.all(condition.gateways.map(gateway => ({ ...condition, gateways: [gateway] }))) : [];
    if (parted.length > 0) return parted;
    for (const name of this.parting) {
      if (condition.headers.has(name) || condition.withoutHeaders.has(name)) continue;
      const both = this.all([
        { ...condition, headers: new Map([...condition.headers, [name, undefined]]) },
        { ...condition, withoutHeaders: new Map([...condition.withoutHeaders, [name, undefined]]) },
      ]);
      if (both.length > 0) return both;
    }
    return [];
  }

  private asked(name: string, how: 'with' | 'without'): void {
    const known = this.presence.get(name);
    if (known === how || known === 'both') return;
    this.presence.set(name, known === undefined ? how : 'both');
    if (known !== undefined && this.parting.length < MOST_PARTING) this.parting.push(name);
  }

  /** A cover of each part; none where one part has none. */
  private all(parts: readonly HttpCondition[]): readonly T[] {
    const covers = parts.map(part => this.coverOf(part)).filter(cover => cover !== undefined);
    return covers.length < parts.length ? [] : [...new Set(covers)];
  }

  /** The first earlier match that takes everything the given one takes. */
  private coverOf(condition: HttpCondition): T | undefined {
    let best: { readonly order: number; readonly value: T } | undefined;
    for (const key of this.keysOf(condition)) {
      for (const entry of this.table.get(key) ?? []) {
        if ((best === undefined || entry.order < best.order) && coversHttp(entry.condition, condition)) best = entry;
      }
    }
    return best?.value;
  }

  /** A part that whatever is covered must have as well. */
  private keyOf({ uri, headers, queryParams, method, port }: HttpCondition): string {
    if (uri !== undefined && !uri.anyCase) {
      if (uri.kind === 'exact') return `= ${uri.text}`;
      if (uri.kind === 'prefix') {
        this.lengths.add(uri.text.length);
        return `^ ${uri.text}`;
      }
      return '~';
    }
    for (const [kind, conditions] of [['h', headers], ['q', queryParams]] as const) {
      for (const [name, part] of conditions) if (part?.kind === 'exact') return `${kind} ${name} ${part.text}`;
    }
    if (method?.kind === 'exact') return `m ${method.text}`;
    return port === 0 ? '*' : `p ${port}`;
  }

  private keysOf({ uri, headers, queryParams, method, port }: HttpCondition): string[] {
    const keys = ['*'];
    if (uri !== undefined) {
      if (uri.kind === 'exact') keys.push(`= ${uri.text}`);
      keys.push('~');
      for (const length of this.lengths) if (length <= uri.start.length) keys.push(`^ ${uri.start.slice(0, length)}`);
    }
    for (const [kind, conditions] of [['h', headers], ['q', queryParams]] as const) {
      for (const [name, part] of conditions) if (part?.kind === 'exact') keys.push(`${kind} ${name} ${part.text}`);
    }
    if (method?.kind === 'exact') keys.push(`m ${method.text}`);
    if (port !== 0) keys.push(`p ${port}`);
    return keys;
  }
}
