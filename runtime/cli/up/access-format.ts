/** One request that a proxy has served, as `up` shows it. */
export interface RequestLine {
  /** `productpage-v1.default`: whose proxy. */
  readonly proxy: string;
  readonly method: string;
  readonly path: string;
  /** Host and port as the caller named them. */
  readonly authority: string;
  /** Header `end-user`, '' where there is none. */
  readonly user: string;
  /** 0: the caller left before there was an answer. */
  readonly status: number;
  /** Envoy's response flags, '' for none. */
  readonly flags: string;
  readonly cluster: string;
  /** `127.5.0.1:9080`, '' where the proxy answered itself. */
  readonly upstream: string;
  readonly route: string;
  /** Address the request arrived at. */
  readonly local: string;
  readonly milliseconds: number;
  /** Which request of `--check` it is, or was sent on behalf of; '' for any other. */
  readonly check: string;
  /** Whether another proxy of the mesh sent it. */
  readonly fromProxy: boolean;
}

/** Header by which `--check` finds its requests again. */
export const CHECK_HEADER = 'x-cdk8s-mesh-check';

const MARK = 'cdk8s-mesh';
const FIELDS = ['REQ(:METHOD)', 'REQ(X-ENVOY-ORIGINAL-PATH?:PATH)', 'REQ(:AUTHORITY)', 'REQ(END-USER)', 'RESPONSE_CODE', 'RESPONSE_FLAGS', 'UPSTREAM_CLUSTER_RAW',
  'UPSTREAM_HOST', 'ROUTE_NAME', 'DOWNSTREAM_LOCAL_ADDRESS', 'DURATION', `REQ(${CHECK_HEADER.toUpperCase()})`,
  // Istio has every proxy count its attempts to the next one.
  'REQ(X-ENVOY-ATTEMPT-COUNT)'];

/** Access log format that `up` asks all proxies for: what one line for people needs, and nothing that would have to be quoted. */
export const ACCESS_FORMAT = `${MARK}\t${FIELDS.map(field => `%${field}%`).join('\t')}\n`;

/** Reads a line of that format; `undefined` for anything else that a proxy prints. */
export function parseAccessLine(line: string, proxy: string): RequestLine | undefined {
  const [mark, ...values] = line.trimEnd().split('\t');
  if (mark !== MARK || values.length !== FIELDS.length) return undefined;
  const [method, path, authority, user, status, flags, cluster, upstream, route, local, milliseconds, check, attempts] = values.map(value => (value === '-' ? '' : value));
  return {
    proxy, method, path, authority, user, status: Number(status), flags, cluster, upstream, route, local, milliseconds: Number(milliseconds), check, fromProxy: attempts !== '',
  };
}
