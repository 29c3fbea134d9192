import type { Facts, Peer } from './facts';
import type { HeaderMutations, HttpRequestFacts, MetadataValue } from '../decision';

/** What an external authorizer says to a request. */
export type Verdict =
  /** It may pass; these headers are for the application. */
  | { readonly kind: 'allow'; readonly headers?: Readonly<Record<string, string>> }
  /** The caller gets this answer. Over HTTP a status from 500 on says that the authorizer itself failed. */
  | { readonly kind: 'deny'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** It does not answer, or not in time. */
  | { readonly kind: 'unavailable' };

/** What the filters need to know besides the request: of the connection, the time, and answers that only others could give. */
export interface AccessContext {
  readonly peer: Peer;
  /** Address of the caller by what trusted proxies before this one say. */
  readonly remoteAddress: string;
  /** Seconds since 1970. Without it no token is too old or too new. */
  readonly now?: number;
  /** Takes tokens whose claims are declared instead of signed. */
  readonly declaredTokens?: boolean;
  /** What an external authorizer says, by the cluster it is asked through; where that is not known, requests pass. */
  readonly authorizer?: (cluster: string) => Verdict | undefined;
}

/** One request on its way through the filters. */
export class Passage implements Facts {
  public readonly metadata: Record<string, { [key: string]: MetadataValue }> = {};
  /** A filter asked for the route to be chosen again. */
  public reroutes = false;
  private readonly removed = new Set<string>();
  private readonly added: { name: string; value: string; append: boolean }[] = [];
  private path: string;

  public constructor(private readonly original: HttpRequestFacts, public readonly context: AccessContext) {
    this.path = original.path;
  }

  public get peer(): Peer { return this.context.peer; }
  public get remoteAddress(): string { return this.context.remoteAddress; }

  /** The request as the next filter sees it. */
  public get request(): HttpRequestFacts {
    const { original, removed, added, path } = this;
    if (removed.size === 0 && added.length === 0 && path === original.path) return original;
    const get = (name: string): string | undefined => {
      const values = added.filter(addition => addition.name === name).map(({ value }) => value);
      const kept = removed.has(name) ? undefined : original.headers.get(name);
      return kept === undefined && values.length === 0 ? undefined : [...(kept === undefined ? [] : [kept]), ...values].join(',');
    };
    return { ...original, path, headers: { get } };
  }

  public get changes(): HeaderMutations { return { remove: [...this.removed], add: this.added }; }

  public removeHeader(name: string): void {
    this.removed.add(name);
    for (let i = this.added.length - 1; i >= 0; i--) {
      if (this.added[i]!.name === name) this.added.splice(i, 1);
    }
  }

  public addHeader(name: string, value: string): void { this.added.push({ name, value, append: true }); }

  public rewritePath(path: string): void { this.path = path; }

  public setMetadata(filter: string, values: { [key: string]: MetadataValue }): void {
    this.metadata[filter] = { ...this.metadata[filter], ...values };
  }
}
