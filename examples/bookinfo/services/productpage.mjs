// The page in the browser: asks `details` and `reviews`, shows what came back and who it came from.
import { readFileSync } from 'node:fs';
import { createService, get, json, listenIfMain, podName, serviceVersion, travelling } from './lib/http.mjs';
import { productPage } from './productpage/page.mjs';
import { formOf, readSession, recentAnswers, sessionCookie, signedOutCookie } from './productpage/session.mjs';

const PRODUCT = {
  id: 0,
  title: 'The Comedy of Errors',
  summary: 'Two brothers, separated as infants, share a face and a name. So do their servants. Neither pair knows that the other has '
    + 'just come to town, and everyone else in Ephesus is about to be sure of things that are not so.',
};

/** Two tries of three seconds for the reviews, one for the details: a page must not wait for ever for its parts. */
const REVIEWS = { timeoutMs: 3_000, tries: 2 };
const DETAILS = { timeoutMs: 3_000, tries: 1 };

const STATIC = {
  'bookinfo.css': 'text/css; charset=utf-8',
  'favicon.svg': 'image/svg+xml',
};
const files = new Map(Object.keys(STATIC).map((name) => [name, readFileSync(new URL(`./productpage/static/${name}`, import.meta.url))]));

/** `{ value, ms }` or `{ error, ms }`, never an exception: one part that is away leaves the others on the page. */
async function ask(service, path, { timeoutMs, tries }, headers) {
  const start = performance.now();
  const ms = () => Math.round(performance.now() - start);
  for (let attempt = 1; ; attempt++) {
    try {
      return { value: await get(service, path, { headers, timeoutMs }), ms: ms() };
    } catch (error) {
      if (attempt < tries) continue;
      console.error(`productpage: ${error.message}`);
      return { error: error.message, ms: ms() };
    }
  }
}

/** Headers for onward calls: those that travel, and who is signed in. */
function onward(request) {
  const user = readSession(request.headers.cookie);
  return { ...travelling(request), ...(user !== undefined && { 'end-user': user }) };
}

/** Passes a part on as JSON, 503 where it is away. */
async function part(request, response, service, path, patience) {
  const answer = await ask(service, path, patience, onward(request));
  json(response, answer.error === undefined ? 200 : 503, answer.value ?? { error: `${service} is currently unavailable`, reason: answer.error });
}

const unknown = (response, id) => json(response, 404, { error: `there is no product ${id}` });

export const server = createService('productpage', [
  ['GET', /^\/productpage$/, async (request, response, _match, url) => {
    const headers = onward(request);
    const [details, reviews] = await Promise.all([
      ask('details', `/details/${PRODUCT.id}`, DETAILS, headers), ask('reviews', `/reviews/${PRODUCT.id}`, REVIEWS, headers),
    ]);
    const recent = recentAnswers(request.headers.cookie, reviews.value?.servedBy.version ?? 'none');
    const html = productPage({
      product: PRODUCT, details, reviews, recent: recent.answers, user: headers['end-user'], refused: url.searchParams.has('refused'),
      servedBy: { service: 'productpage', version: serviceVersion(), pod: podName() },
    });
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'set-cookie': recent.cookie,
      'content-security-policy': "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    }).end(html);
  }],
  ['POST', /^\/login$/, async (request, response) => {
    const cookie = sessionCookie((await formOf(request)).get('username') ?? '');
    response.writeHead(303, { location: cookie ? '/productpage' : '/productpage?refused', ...(cookie && { 'set-cookie': cookie }) }).end();
  }],
  ['POST', /^\/logout$/, (_request, response) => {
    response.writeHead(303, { 'location': '/productpage', 'set-cookie': signedOutCookie }).end();
  }],
  ['GET', /^\/static\/([a-z.]+)$/, (_request, response, [, name]) => {
    if (!files.has(name)) return json(response, 404, { error: `there is no file ${name}` });
    return response.writeHead(200, { 'content-type': STATIC[name], 'cache-control': 'max-age=300' }).end(files.get(name));
  }],
  ['GET', /^\/api\/v1\/products$/, (_request, response) => json(response, 200, [PRODUCT])],
  ['GET', /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/, async (request, response, [, id, what]) => {
    if (Number(id) !== PRODUCT.id) return unknown(response, id);
    if (what === 'reviews') return part(request, response, 'reviews', `/reviews/${id}`, REVIEWS);
    if (what === 'ratings') return part(request, response, 'ratings', `/ratings/${id}`, DETAILS);
    return part(request, response, 'details', `/details/${id}`, DETAILS);
  }],
  ['GET', /^\/$/, (_request, response) => { response.writeHead(302, { location: '/productpage' }).end(); }],
]);

listenIfMain(import.meta.url, server, 'productpage');
