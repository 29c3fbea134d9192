import http from 'node:http';
import https from 'node:https';
import type { Access } from './kubeconfig';
import type { Json } from '../../../src/model/json';
import { isObject, textOf } from '../../../src/model/json';
import { UsageError } from '../usage-error';

/** An answer of the API server. */
export interface Answer {
  readonly status: number;
  readonly body: Json;
}

const PATIENCE_MS = 15_000;

/** How the body of a PATCH is meant. */
export type PatchType = 'application/merge-patch+json' | 'application/apply-patch+yaml';

/** Asks an API server. Rejects where it does not answer, and as the signal says where that is raised. */
export async function ask(
  access: Access, method: 'GET' | 'POST' | 'PATCH', path: string, object?: unknown, type: PatchType | 'application/json' = 'application/json', signal?: AbortSignal,
): Promise<Answer> {
  const url = new URL(path, access.server.endsWith('/') ? access.server : `${access.server}/`);
  const body = object === undefined ? undefined : JSON.stringify(object);
  const options: https.RequestOptions = {
    method,
    headers: { accept: 'application/json', ...body !== undefined && { 'content-type': type }, ...access.token !== undefined && { authorization: `Bearer ${access.token}` } },
    ca: access.authority,
    cert: access.certificate,
    key: access.key,
    servername: access.tlsServerName,
    rejectUnauthorized: !access.insecure,
    signal: signal === undefined ? AbortSignal.timeout(PATIENCE_MS) : AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
  };
  try {
    return await new Promise((resolve, reject) => {
      const request = (url.protocol === 'http:' ? http : https).request(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
          try {
            const read: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
            resolve({ status: response.statusCode ?? 0, body: isObject(read) ? read : {} });
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
      request.on('error', reject).end(body);
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new UsageError(`[${access.server}] MESH_REMOTE_CLUSTER: an API server answers, got: ${(error as Error).message}; check the kubeconfig`);
  }
}

/** The object that the API server has, or made; undefined where it has none. Throws for any other answer. */
export function objectIn(access: Access, what: string, { status, body }: Answer): Json | undefined {
  if (status === 404) return undefined;
  if (status >= 200 && status < 300) return body;
  throw new UsageError(`[${access.server}] MESH_REMOTE_CLUSTER: the API server gives ${what}, got ${status} ${textOf(body.message) ?? ''}; ask as somebody who may`);
}
