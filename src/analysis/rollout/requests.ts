import { type Json, objectOf, objectsOf, textOf } from '../../model/json';

/** A request to one service. */
export interface TriedRequest { readonly method: string; readonly path: string; readonly headers: Record<string, string> }

/** For each rule of a VirtualService a request that meets its first match, where reading the match is enough to find one. */
export function triedRequests(rules: readonly Json[]): { readonly rule: string; readonly request: TriedRequest }[] {
  return rules.flatMap((rule) => {
    const request = requestFor(objectsOf(rule.match)[0] ?? {});
    return request === undefined ? [] : [{ rule: textOf(rule.name) ?? '', request }];
  });
}

function requestFor(match: Json): TriedRequest | undefined {
  const uri = objectOf(match.uri);
  const method = objectOf(match.method);
  const others = [match.sourceLabels, match.sourceNamespace, match.gateways, match.port, match.scheme, match.authority, uri.regex, method.regex];
  if (others.some(condition => condition !== undefined)) return undefined;
  const fields = samples(match.headers);
  const query = samples(match.queryParams);
  if (fields === undefined || query === undefined) return undefined;
  const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  return {
    method: textOf(method.exact) ?? textOf(method.prefix) ?? 'GET',
    path: `${textOf(uri.exact) ?? textOf(uri.prefix) ?? '/'}${search === '' ? '' : `?${search}`}`,
    headers: Object.fromEntries(fields),
  };
}

/** A value for each condition; undefined where one takes more than reading it. */
function samples(conditions: unknown): [string, string][] | undefined {
  const found = Object.entries(objectOf(conditions)).map(([name, condition]): [string, string | undefined] => {
    const { exact, prefix, regex } = objectOf(condition);
    return [name, textOf(exact) ?? textOf(prefix) ?? (regex === undefined ? 'x' : cookieIn(textOf(regex) ?? ''))];
  });
  return found.every((each): each is [string, string] => each[1] !== undefined) ? found : undefined;
}

/** The cookie that expressions of our own look for. */
function cookieIn(regex: string): string | undefined {
  const [, cookie] = /^\(\.\*;\[ \]\*\)\?([^]*)\(;\.\*\)\?$/.exec(regex) ?? [];
  return cookie?.replace(/\\([^])/g, '$1');
}
