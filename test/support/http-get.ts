import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

/** Where a request goes, on a connection of its own. */
export interface Get {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function get({ address, port, path, headers }: Get): Promise<Got> {
  return new Promise((resolve, reject) => {
    const call = request({ host: address, port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: body.trim() }));
    });
    call.on('error', reject).end();
  });
}
