import type { Draw, HttpRequestFacts } from '../../src/evaluator';

/** A request as the evaluator sees it. */
export function request(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): HttpRequestFacts {
  const [, scheme, authority, path] = /^(https?):\/\/([^/]*)(.*)$/.exec(url)!;
  return { method, scheme: scheme!, authority: authority!, path: path === '' ? '/' : path!, headers: new Map(Object.entries(headers)) };
}

/** Draws that always come out the same. */
export const lowest: Draw = () => 0;
export const highest: Draw = (_purpose, bound) => bound - 1;
