import type { RequestSpec } from '../../../src/analysis/explain';
import { objectOf, objectsOf, textOf, textsOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import { resolveGateway } from '../../../src/model/names';
import type { GatewayUrl } from '../up/gateway';

/** A request that is sent again and again. */
export interface PlannedRequest {
  /** Whose proxy it is sent to, `istio-ingressgateway.istio-system`, and where that listens. */
  readonly proxy: string;
  readonly address: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly host?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many of it. */
  readonly count: number;
  /** The same as a question to the simulator. */
  readonly spec: RequestSpec;
}

/** A request at a gateway, which is asked at its address, whatever host is named. */
export function gatewaySpec({ name, address, port, listens }: GatewayUrl, { method, path, host, headers }: Pick<PlannedRequest, 'method' | 'path' | 'host' | 'headers'>): RequestSpec {
  return { from: `gateway:${name}`, dialled: { address, port: listens }, method, url: `http://${host ?? `${address}:${port}`}${path}`, headers };
}

/** Share of the requests that carry the headers of one rule. */
const MARKED_SHARE = 0.1;

/**
 * Requests that reach every rule: each exact path that gateways serve (prefixes where there are none), without headers and with those that
 * some rule of the mesh asks for, since applications pass them on.
 */
export function planRequests(model: Model, gateways: readonly GatewayUrl[], total: number): PlannedRequest[] {
  const [gateway] = gateways.filter(({ url }) => url.startsWith('http:'));
  if (gateway === undefined) return [];
  const pages = pagesOf(model);
  const marks = headersOf(model);
  const request = (page: { path: string; host?: string }, headers: PlannedRequest['headers'], count: number): PlannedRequest => {
    const { name: proxy, address, port } = gateway;
    const asked = { method: 'GET', ...page, headers };
    return { proxy, address, port, ...asked, count, spec: gatewaySpec(gateway, asked) };
  };
  const marked = Math.floor(total * MARKED_SHARE / pages.length);
  const plain = Math.floor(total / pages.length) - marked * marks.length;
  return pages.flatMap((page, index) => [
    // What rounding leaves over goes to the first.
    request(page, {}, plain + (index === 0 ? total - pages.length * (plain + marked * marks.length) : 0)),
    ...marks.map(headers => request(page, headers, marked)),
  ]);
}

function pagesOf(model: Model): { path: string; host?: string }[] {
  const gateways = new Set(model.of('Gateway').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const found = { exact: [] as { path: string; host?: string }[], prefix: [] as { path: string; host?: string }[] };
  for (const rule of model.of('VirtualService')) {
    if (!textsOf(rule.spec.gateways).some(reference => gateways.has(resolveGateway(reference, rule.metadata.namespace)))) continue;
    const [domain = '*'] = textsOf(rule.spec.hosts);
    const host = domain === '*' ? {} : { host: domain.replace(/^\*/, 'any') };
    for (const http of objectsOf(rule.spec.http)) {
      const matches = objectsOf(http.match);
      if (matches.length === 0) found.prefix.push({ path: '/', ...host });
      for (const uri of matches.filter(isPlain).map(match => objectOf(match.uri))) {
        const path = textOf(uri.exact) ?? textOf(uri.prefix);
        if (path !== undefined) found[uri.exact === undefined ? 'prefix' : 'exact'].push({ path, ...host });
      }
    }
  }
  const pages = found.exact.length > 0 ? found.exact : found.prefix;
  // Signing in and out are no pages, and change what later requests see.
  const readable = pages.filter(({ path }) => !/log(in|out)/.test(path));
  return readable.length > 0 ? readable : pages.length > 0 ? pages : [{ path: '/' }];
}

/** A match that asks for nothing but a path. */
const isPlain = (match: Readonly<Record<string, unknown>>) => Object.keys(match).every(key => key === 'uri' || key === 'name');

/** Exact headers that rules inside the mesh ask for, one set for each match. */
function headersOf(model: Model): Record<string, string>[] {
  const found = new Map<string, Record<string, string>>();
  for (const match of model.of('VirtualService').flatMap(rule => objectsOf(rule.spec.http)).flatMap(http => objectsOf(http.match))) {
    const asked = Object.entries(objectOf(match.headers)).map(([name, condition]) => [name, textOf(objectOf(condition).exact)] as const);
    if (asked.length === 0 || asked.some(([, value]) => value === undefined)) continue;
    const headers = Object.fromEntries(asked) as Record<string, string>;
    found.set(JSON.stringify(headers), headers);
  }
  return [...found.values()].slice(0, 5);
}
