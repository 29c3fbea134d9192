import { MeshError } from '../../model/error';

/** A URL as far as a proxy sees it. */
export interface RequestUrl {
  readonly scheme: 'http' | 'https';
  /** As written, with its port if it has one. */
  readonly authority: string;
  /** Without port and brackets, lower case. */
  readonly host: string;
  readonly port: number;
  /** With the query; as written, since normalizing it is the proxy's part. */
  readonly path: string;
}

const FORM = /^(https?):\/\/(\[[0-9A-Fa-f:.]+\]|[^/?#:@[\]\s]+)(?::(\d{1,5}))?([/?][^#\s]*)?(?:#.*)?$/i;

/** Throws MESH_URL_INVALID for what is no absolute http or https URL. */
export function parseUrl(text: string): RequestUrl {
  const match = FORM.exec(text);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match === null || (port !== undefined && (port < 1 || port > 65535))) {
    throw new MeshError('MESH_URL_INVALID', `a URL must read http://HOST[:PORT]/PATH or https://…, got "${text}"; write one like http://reviews:9080/reviews/0`);
  }
  const scheme = match[1]!.toLowerCase() as 'http' | 'https';
  const host = match[2]!;
  const rest = match[4] ?? '/';
  return {
    scheme,
    authority: port === undefined ? host : `${host}:${port}`,
    host: host.replace(/^\[|\]$/g, '').toLowerCase(),
    port: port ?? (scheme === 'https' ? 443 : 80),
    path: rest.startsWith('/') ? rest : `/${rest}`,
  };
}
