import type { Socket } from 'net';
import type { JsonObject } from '@bufbuild/protobuf';
import { ProxyUnderTest, get } from './support/proxy';
import { cluster, listener, manager, route, routes, tcpListener } from './support/resources';
import { http, ok, type RawClient } from './support/sockets';

let proxy: ProxyUnderTest;

afterEach(async () => proxy.close());

const SIZE = 64 * 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'x');
/** What the kernel's buffers on both hops, a read and the proxy's own limits may hold; far below SIZE. */
const BOUND = 24 * 1024 * 1024;
/** Turns of the event loop between two reads of a slow reader: time enough for everyone else to fill every buffer. */
const TURNS = 8;

/** Writes SIZE bytes as fast as the other side takes them; says how far it came. */
function pump(socket: Socket): () => number {
  let written = 0;
  const more = (): void => {
    while (written < SIZE) {
      written += PIECE.length;
      if (!socket.write(PIECE)) break;
    }
  };
  socket.on('drain', more);
  more();
  return () => written;
}

/** Reads SIZE bytes, slowly, and returns the most that was ever under way: written by the one side and not read by the other. */
async function readSlowly(socket: Socket, written: () => number): Promise<number> {
  let received = 0;
  let most = 0;
  socket.removeAllListeners('data');
  socket.pause();
  socket.removeAllListeners('readable').on('readable', () => undefined);
  while (received < SIZE) {
    for (let turn = 0; turn < TURNS; turn++) await new Promise(resolve => setImmediate(resolve));
    most = Math.max(most, written() - received);
    received += (socket.read() as Buffer | null)?.length ?? 0;
  }
  return most;
}

test('a slow client stops the upstream, and gets everything in the end', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  let written = (): number => 0;
  const upstream = await proxy.upstream(socket => socket.once('data', () => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`);
    written = pump(socket);
  }));
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(get());
  expect(await readSlowly(client.socket, () => written())).toBeLessThan(BOUND);
}, 30_000);

test.each<[string, boolean]>([['without retries', false], ['with retries, beyond what is kept', true]])('a slow upstream stops the client, %s', async (_case, retries) => {
  proxy = new ProxyUnderTest({ realTime: true });
  let arrived: (socket: Socket) => void;
  const asked = new Promise<Socket>(resolve => arrived = resolve);
  const upstream = await proxy.upstream(socket => arrived(socket));
  const action: JsonObject = retries ? { retryPolicy: { retryOn: '5xx', numRetries: 2 } } : {};
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up', { action }))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${SIZE}\r\n\r\n`);
  const written = pump(client.socket);
  const slow = await asked;
  expect(await readSlowly(slow, written)).toBeLessThan(BOUND);
  slow.resume();
  slow.write(ok('all'));
  expect((await client.response()).body).toBe('all');
}, 30_000);

test('a client that sends ahead is held back until its request is answered', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  let answer: (() => void) | undefined;
  const upstream = await proxy.upstream(socket => http(() => {
    answer = () => socket.write(ok('x'));
    return undefined;
  })(socket));
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(get());
  const written = pump(client.socket);
  while (answer === undefined) await new Promise(resolve => setImmediate(resolve));
  for (let turn = 0; turn < 500; turn++) await new Promise(resolve => setImmediate(resolve));
  expect(written()).toBeLessThan(BOUND);
  answer();
  // What was sent ahead is not HTTP, and is told so.
  await client.response();
  expect((await client.response()).status).toBe(431);
});

test('TCP: a slow reader stops the writer, and each end is passed on', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  let written = (): number => 0;
  let ended: () => void;
  const end = new Promise<void>(resolve => ended = resolve);
  const upstream = await proxy.upstream(socket => {
    written = pump(socket);
    socket.on('end', () => ended());
    socket.resume();
  });
  await proxy.serve(port => ({ listeners: [tcpListener(port, 'up')], clusters: [cluster('up', [upstream.port])] }));
  const client: RawClient = await proxy.client();
  expect(await readSlowly(client.socket, () => written())).toBeLessThan(BOUND);
  client.socket.end();
  await end;
}, 30_000);
