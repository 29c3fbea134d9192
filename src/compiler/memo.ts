/** Part of a key: an object counts by identity, anything else by its text. */
export type KeyPart = object | string | number | boolean | undefined;

/**
 * A table of results by what they depend on. Two proxies whose keys are equal get the same object,
 * so a message is built and encoded once for all of them.
 */
export class Memo {
  private readonly ids = new WeakMap<object, number>();
  private readonly results = new Map<string, unknown>();
  private lastId = 0;

  public get<T>(kind: string, parts: readonly KeyPart[], build: () => T): T {
    const key = this.keyOf(kind, parts);
    if (this.results.has(key)) return this.results.get(key) as T;
    const result = build();
    this.results.set(key, result);
    return result;
  }

  private keyOf(kind: string, parts: readonly KeyPart[]): string {
    let key = kind;
    for (const part of parts) key += typeof part === 'object' ? `\u0000#${this.idOf(part)}` : `\u0000${part}`;
    return key;
  }

  private idOf(object: object): number {
    let id = this.ids.get(object);
    if (id === undefined) this.ids.set(object, id = ++this.lastId);
    return id;
  }
}
