/** A request somebody in the mesh sends. */
export interface Ask {
  /** Workload that sends, `productpage-v1`; or `gateway`: the request comes from outside. */
  readonly from: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request, and what its sender gets. */
export interface Row extends Ask {
  /**
   * Who answers: the Pod, `reviews-v2`, and, where it asked another, `reviews-v2 → ratings-v1`; or the proxy itself with status and
   * response flag, `500 FI`. Where requests are split, each with its exact percentage.
   */
  readonly gets: string | Readonly<Record<string, number>>;
  /** How long a delay or a timeout makes the sender wait, at least; 0 by default. */
  readonly seconds?: number;
  /** Host and path as the answering Pod sees them; those of the URL by default. */
  readonly seenHost?: string;
  readonly seenPath?: string;
  /** The split is measured with many requests as well. */
  readonly measured?: boolean;
}

/** One state of the mesh, with what is asked of it. */
export interface Scenario {
  readonly name: string;
  /** YAML of everything in the mesh; asked for once the test file's own preparations are done. */
  readonly manifests: () => string;
  readonly rows: readonly Row[];
  /** Errors of `up`, by data plane, where it does not run this. */
  readonly refused?: { readonly reference?: readonly string[]; readonly envoy?: readonly string[] };
}

/** What the sender gets, each with its percentage. */
export function sharesOf({ gets }: Row): Readonly<Record<string, number>> {
  return typeof gets === 'string' ? { [gets]: 100 } : gets;
}

/** A row in words, for the names of tests. */
export function titleOf({ from, url, headers = {} }: Ask): string {
  const said = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`).join('');
  return `${from} → ${url}${said}`;
}

/** `jason` signed in: productpage sends his name along. */
export const AS_JASON = { 'end-user': 'jason' };

/** Path by which a stand-in is told to ask another. */
export const askOnward = (url: string): string => `/call?url=${encodeURIComponent(url)}`;
