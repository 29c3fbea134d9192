import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const SERVICES = join(__dirname, '../../services');
const running: (() => Promise<void>)[] = [];

/** Starts a service as it runs in the mesh, with the services it calls at the given ports, and returns its address. */
async function start(name: string, upstream: Record<string, number> = {}, args: string[] = []): Promise<string> {
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0' };
  for (const [service, port] of Object.entries(upstream)) {
    Object.assign(env, { [`${service.toUpperCase()}_SERVICE_HOST`]: '127.0.0.1', [`${service.toUpperCase()}_SERVICE_PORT`]: String(port) });
  }
  const child: ChildProcess = spawn(process.execPath, [join(SERVICES, `${name}.mjs`), ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  running.push(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  const [line] = await once(child.stdout!, 'data') as [Buffer];
  return `http://${/listens on (\S+)/.exec(String(line))![1]}`;
}

const portOf = (address: string) => Number(new URL(address).port);

/** A service written for one test, which keeps the requests it saw. */
async function fake(listener: RequestListener): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => { seen.push(request); listener(request, response); });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()));
});

interface ReviewsAnswer {
  readonly servedBy: { readonly version: string };
  readonly reviews: readonly { readonly reviewer: string; readonly rating?: unknown }[];
}

async function reviewsOf(address: string, headers: Record<string, string> = {}): Promise<ReviewsAnswer> {
  return await (await fetch(`${address}/reviews/0`, { headers })).json() as ReviewsAnswer;
}

test.each([
  ['v1', undefined, []],
  ['v2', { stars: 5, color: 'black' }, ['/ratings/0']],
  ['v3', { stars: 5, color: 'red' }, ['/ratings/0']],
])('reviews %s answers with the rating %j', async (version, rating, asked) => {
  const ratings = await fake((_request, response) => response.end('{"ratings":{"Adriana":5,"Luciana":4}}'));
  const reviews = await start('reviews', { ratings: ratings.port }, ['--service-version', version]);
  const answer = await reviewsOf(reviews);
  expect(answer.servedBy.version).toBe(version);
  expect(answer.reviews[0].rating).toEqual(rating);
  expect(ratings.seen.map((request) => request.url)).toEqual(asked);
});

test('an onward call names the service it means and carries the headers that travel, and no other', async () => {
  const ratings = await fake((_request, response) => response.end('{"ratings":{}}'));
  const reviews = await start('reviews', { ratings: ratings.port }, ['--service-version', 'v3']);
  const travelling = { 'end-user': 'jason', 'x-request-id': 'r-1', 'traceparent': '00-1-2-01', 'b3': '0' };
  await reviewsOf(reviews, { ...travelling, authorization: 'secret' });
  expect(ratings.seen[0].headers).toEqual({ ...travelling, host: 'ratings:9080', accept: 'application/json', connection: 'keep-alive' });
});

test('reviews keeps its words where ratings are away', async () => {
  const ratings = await fake((_request, response) => response.writeHead(500).end('{}'));
  const reviews = await start('reviews', { ratings: ratings.port }, ['--service-version', 'v2']);
  const { reviews: [first] } = await reviewsOf(reviews);
  expect(first).toMatchObject({ reviewer: 'Adriana', rating: { error: 'ratings are currently unavailable' } });
});

describe('productpage', () => {
  async function whole(version: string) {
    const ratings = await start('ratings');
    const reviews = await start('reviews', { ratings: portOf(ratings) }, ['--service-version', version]);
    const details = await start('details');
    return start('productpage', { reviews: portOf(reviews), details: portOf(details) });
  }

  test.each([['v1', 'no stars', 0], ['v2', 'black stars', 2], ['v3', 'red stars', 2]])('shows %s as %s', async (version, words, stars) => {
    const html = await (await fetch(`${await whole(version)}/productpage`)).text();
    expect(html).toContain(`${version} · ${words}`);
    expect(html.match(/class="stars /g) ?? []).toHaveLength(stars);
    expect(html).toContain('Two Dromios Press');
  });

  test('says which parts are away, and shows the rest', async () => {
    const away = await fake((_request, response) => response.writeHead(503).end());
    const page = await start('productpage', { reviews: away.port, details: away.port });
    const response = await fetch(`${page}/productpage`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(html).toContain('Reviews are currently unavailable.');
    expect(html).toContain('Details are currently unavailable.');
    expect(away.seen.map((request) => request.url).sort()).toEqual(['/details/0', '/reviews/0', '/reviews/0']); // reviews are tried twice
  });

  test('tells who is signed in, by the header end-user, until they sign out', async () => {
    const reviews = await fake((_request, response) => response.writeHead(503).end());
    const page = await start('productpage', { reviews: reviews.port, details: reviews.port });
    const login = await fetch(`${page}/login`, { method: 'POST', body: new URLSearchParams({ username: 'jason' }), redirect: 'manual' });
    expect([login.status, login.headers.get('location')]).toEqual([303, '/productpage']);
    const cookie = login.headers.get('set-cookie')!.split(';')[0];
    expect(await (await fetch(`${page}/productpage`, { headers: { cookie } })).text()).toContain('Signed in as <b>jason</b>');
    expect(new Set(reviews.seen.map((request) => request.headers['end-user']))).toEqual(new Set(['jason']));
    reviews.seen.length = 0;
    await fetch(`${page}/productpage`, { headers: { cookie: `${cookie}x` } });
    expect(new Set(reviews.seen.map((request) => request.headers['end-user']))).toEqual(new Set([undefined]));
    const logout = await fetch(`${page}/logout`, { method: 'POST', redirect: 'manual' });
    expect(logout.headers.get('set-cookie')).toContain('Max-Age=0');
  });

  test('escapes what other services say, and refuses a name that is none', async () => {
    const evil = await fake((_request, response) => response.end(JSON.stringify({
      author: '<script>', reviews: [{ reviewer: '"><img>', text: '<b>' }], servedBy: { service: 'reviews', version: '"><i>' },
    })));
    const page = await start('productpage', { reviews: evil.port, details: evil.port });
    const response = await fetch(`${page}/productpage`);
    expect(await response.text()).not.toMatch(/<script|<img|<i>"|"><i>/);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const login = await fetch(`${page}/login`, { method: 'POST', body: new URLSearchParams({ username: 'a\nb' }), redirect: 'manual' });
    expect([login.headers.get('location'), login.headers.get('set-cookie')]).toEqual(['/productpage?refused', null]);
  });

  test.each([
    ['GET', '/api/v1/products', 200], ['GET', '/api/v1/products/0', 200], ['GET', '/api/v1/products/0/reviews', 200], ['GET', '/api/v1/products/1', 404],
    ['GET', '/static/bookinfo.css', 200], ['GET', '/static/page.mjs', 404], ['GET', '/health', 200], ['GET', '/login', 405], ['GET', '/nowhere', 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    const page = await whole('v1');
    expect((await fetch(page + path, { method })).status).toBe(status);
  });
});
