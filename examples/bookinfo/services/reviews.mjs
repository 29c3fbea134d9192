// What readers say. v1 shows words only; v2 asks `ratings` and colours the stars black, v3 red.
import { createService, get, json, listenIfMain, podName, serviceVersion, travelling } from './lib/http.mjs';

/** Colour of the stars, and how long this version waits for `ratings`. Versions without an entry do not ask. */
const STARS = { v2: { color: 'black', timeoutMs: 10_000 }, v3: { color: 'red', timeoutMs: 2_500 } };

const REVIEWS = [
  { reviewer: 'Adriana', text: 'Two pairs of twins, one busy afternoon, and not a single door that leads to the right husband. I laughed on every page.' },
  { reviewer: 'Luciana', text: 'Shorter than most of his plays and better plotted than some. Keep a list of who is who.' },
];

/** `{ Adriana: { stars, color } }`, or an error in place of each rating: words are worth serving without stars. */
async function ratingsFor(id, request) {
  const stars = STARS[serviceVersion()];
  if (stars === undefined) return undefined;
  try {
    const answer = await get('ratings', `/ratings/${id}`, { headers: travelling(request), timeoutMs: stars.timeoutMs });
    return { of: (reviewer) => ({ stars: answer.ratings[reviewer], color: stars.color }), servedBy: answer.servedBy };
  } catch (error) {
    console.error(`reviews: ${error.message}`);
    return { of: () => ({ error: 'ratings are currently unavailable' }) };
  }
}

export const server = createService('reviews', [
  ['GET', /^\/reviews\/(\d+)$/, async (request, response, [, id]) => {
    const ratings = await ratingsFor(id, request);
    json(response, 200, {
      id: Number(id),
      reviews: REVIEWS.map((review) => ({ ...review, ...(ratings && { rating: ratings.of(review.reviewer) }) })),
      servedBy: { service: 'reviews', version: serviceVersion(), pod: podName() },
      ...(ratings?.servedBy && { ratingsServedBy: ratings.servedBy }),
    });
  }],
]);

listenIfMain(import.meta.url, server, 'reviews');
