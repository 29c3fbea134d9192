import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a kubelet: `GET /healthz/ready` is 200 once the program does its work, 503 before. */
export interface Health {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts answering. A port of 0 takes a free one. */
export async function startHealth(host: string, port: number, isReady: () => boolean): Promise<Health> {
  const server = createServer((request, response) => {
    const known = request.url === '/healthz/ready' || request.url === '/healthz/live';
    const good = request.url === '/healthz/live' || isReady();
    response.writeHead(known ? (good ? 200 : 503) : 404).end();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
