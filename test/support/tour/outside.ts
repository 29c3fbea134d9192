import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority } from '../../../runtime/control-plane/ca/authority';

/** A host outside the mesh, here on 127.0.0.1: HTTP and HTTPS, answering as a stand-in does, with its own name as Pod. */
export interface OutsideHost {
  readonly http: number;
  readonly https: number;
  /** Root of its certificate, PEM. */
  readonly ca: string;
  close(): Promise<void>;
}

export async function outsideHost(name: string): Promise<OutsideHost> {
  const authority = await Authority.create();
  const { certificateChain: cert, privateKey: key } = await authority.identity(`spiffe://${name}`);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { method, url: path, headers } = request;
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify({ pod: name, method, path, host: headers.host, headers }));
  };
  const servers = [createHttpServer(answer), createHttpsServer({ cert, key }, answer)];
  const [http, https] = await Promise.all(servers.map(listening)) as [number, number];
  return { http, https, ca: authority.rootCertificate, close: async () => { await Promise.all(servers.map(closed)); } };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
