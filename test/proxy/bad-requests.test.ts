import { BAD_REQUESTS } from './support/bad-requests';
import { ProxyUnderTest } from './support/proxy';
import { cluster, listener, manager, route, routes } from './support/resources';
import { http, ok } from './support/sockets';

let proxy: ProxyUnderTest;
const forwarded: string[] = [];

beforeAll(async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const upstream = await proxy.upstream(http(({ head }) => {
    forwarded.push(head);
    return ok('forwarded');
  }));
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
});

afterAll(async () => proxy.close());

test.each(BAD_REQUESTS)('%s', async (_case, request, status) => {
  const client = await proxy.client();
  const text = await client.send(request).untilEnd();
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toContain('connection: close\r\n');
  // One answer, and nothing after it: whatever followed the bad message is not another request.
  expect(text.split('HTTP/1.1 ')).toHaveLength(2);
  expect(text).not.toContain('forwarded');
});

test('what is refused before its body never reaches an upstream', () => {
  expect(forwarded.filter(head => !head.includes('transfer-encoding: chunked'))).toEqual([]);
});
