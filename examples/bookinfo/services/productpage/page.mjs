// The product page as HTML: no script, one style sheet, and everything that came from elsewhere escaped.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (value) => String(value).replace(/[&<>"']/g, (c) => ESCAPES[c]);

/** Marks text that is HTML already, so that `html` leaves it as it is. */
const raw = (text) => ({ html: text });

/** A template whose values are escaped unless they are HTML themselves; arrays are joined, `undefined` and `false` are nothing. */
function html(strings, ...values) {
  const render = (value) => {
    if (value === undefined || value === false) return '';
    if (Array.isArray(value)) return value.map(render).join('');
    return value.html ?? escape(value);
  };
  return raw(strings.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

const FACTS = [
  ['author', 'Author'], ['firstPerformed', 'First performed'], ['genre', 'Genre'], ['acts', 'Acts'], ['pages', 'Pages'],
  ['binding', 'Binding'], ['language', 'Language'], ['publisher', 'Publisher'],
];
const STARS_OF = { v1: 'no stars', v2: 'black stars', v3: 'red stars' };
const STAR = 'M10 1.6l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L10 14.9l-5.3 2.9 1.1-5.9L1.5 7.8l5.9-.8z';

const COVER = raw(`<svg class="cover" viewBox="0 0 240 340" role="img" aria-label="Cover: two masks, one the mirror of the other">
  <rect width="240" height="340" rx="6" class="cover-cloth"/><rect x="9" y="9" width="222" height="322" rx="3" class="cover-frame"/>
  <text x="120" y="58" class="cover-title">The Comedy</text><text x="120" y="84" class="cover-title">of Errors</text>
  <g id="mask"><path class="cover-mask" d="M112 128c-30-10-62-6-78 4 0 52 10 96 44 108 22-6 34-30 34-62z"/>
    <path class="cover-line" d="M50 160c8-8 20-8 28 0M92 158c4-4 10-6 14-4M58 204c14 14 34 12 46 0"/></g>
  <use href="#mask" transform="matrix(-1 0 0 1 240 0)" class="cover-twin"/>
  <text x="120" y="306" class="cover-author">WILLIAM SHAKESPEARE</text></svg>`);

function stars(rating) {
  if (rating === undefined) return undefined;
  if (rating.error !== undefined) return html`<p class="away small">Ratings are currently unavailable.</p>`;
  const count = Math.max(0, Math.min(5, Math.round(Number(rating.stars)) || 0));
  const color = rating.color === 'red' ? 'red' : 'black';
  const shapes = [1, 2, 3, 4, 5].map((n) => `<path class="${n <= count ? 'on' : 'off'}" transform="translate(${(n - 1) * 22} 0)" d="${STAR}"/>`);
  return raw(`<svg class="stars ${color}" viewBox="0 0 108 20" role="img" aria-label="${count} of 5 ${color} stars">${shapes.join('')}</svg>`);
}

function review({ reviewer, text, rating }) {
  return html`<article class="review">${stars(rating)}<blockquote>${text}</blockquote><footer>${reviewer}</footer></article>`;
}

function reviewsSection({ value, error }) {
  if (error !== undefined) {
    return html`<section class="panel" aria-labelledby="reviews"><h2 id="reviews">Reviews</h2>
      <div class="away" role="status"><strong>Reviews are currently unavailable.</strong><span>${error}</span></div></section>`;
  }
  const { version } = value.servedBy;
  return html`<section class="panel" aria-labelledby="reviews">
    <h2 id="reviews">Reviews <span class="tag ${VERSION_CLASS(version)}">${version} · ${STARS_OF[version] ?? 'stars'}</span></h2>
    <div class="reviews">${value.reviews.map(review)}</div></section>`;
}

function detailsSection({ value, error }) {
  if (error !== undefined) {
    return html`<div class="away" role="status"><strong>Details are currently unavailable.</strong><span>${error}</span></div>`;
  }
  return html`<dl class="facts">${FACTS.filter(([key]) => value[key] !== undefined).map(([key, label]) => html`<div><dt>${label}</dt><dd>${value[key]}</dd></div>`)}</dl>`;
}

/** Class names come from a fixed set, whatever a version is called. */
const VERSION_CLASS = (version) => (['v1', 'v2', 'v3', 'none'].includes(version) ? version : 'other');

/** One service of the tree, with the services it called below it. */
function hop({ service, servedBy, ms, below = [] }) {
  const version = servedBy?.version ?? 'none';
  const notes = [servedBy?.pod, ms !== undefined && `${ms} ms`].filter(Boolean).join(' · ');
  return html`<li><div class="hop ${VERSION_CLASS(version)}"><b>${service}</b><i>${servedBy?.version ?? 'no answer'}</i><small>${notes}</small></div>
    ${below.length > 0 && html`<ol>${below.map(hop)}</ol>`}</li>`;
}

/** Reviews ask for ratings only in the versions that show stars; whether they did shows in what they answered. */
const askedForRatings = (reviews) => reviews.value?.reviews.some((one) => one.rating !== undefined) ?? false;

/** The way this one request took through the mesh. */
function routeSection({ servedBy, details, reviews, recent }) {
  const tree = { service: 'productpage', servedBy, below: [
    { service: 'details', servedBy: details.value?.servedBy, ms: details.ms },
    { service: 'reviews', servedBy: reviews.value?.servedBy, ms: reviews.ms,
      below: askedForRatings(reviews) ? [{ service: 'ratings', servedBy: reviews.value.ratingsServedBy }] : [] },
  ] };
  const counted = new Map();
  for (const version of recent) counted.set(version, (counted.get(version) ?? 0) + 1);
  const counts = [...counted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([version, count]) => `${version === 'none' ? 'no answer' : version} × ${count}`).join(', ');
  return html`<section class="panel" aria-labelledby="route"><h2 id="route">The way of this request</h2>
    <ol class="tree">${hop(tree)}</ol>
    <h3>Your last ${recent.length === 1 ? 'answer' : `${recent.length} answers`} from reviews</h3>
    <p class="recent" aria-hidden="true">${recent.map((version) => html`<span class="${VERSION_CLASS(version)}">${version === 'none' ? '–' : version}</span>`)}</p>
    <p class="counts">${counts}</p></section>`;
}

function account(user, refused) {
  if (user !== undefined) {
    return html`<form class="account" method="post" action="/logout"><span>Signed in as <b>${user}</b></span><button>Sign out</button></form>`;
  }
  return html`<form class="account" method="post" action="/login"><label for="username">Name</label>
    <input id="username" name="username" value="jason" maxlength="40" required autocomplete="username" spellcheck="false"${refused && raw(' aria-invalid="true" aria-describedby="refused"')}>
    <button>Sign in</button>${refused && html`<span id="refused" class="refused">Letters, digits, space and . _ @ - only</span>`}</form>`;
}

/** The whole page, as text. */
export function productPage({ product, details, reviews, recent, servedBy, user, refused }) {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${product.title} · Bookinfo</title><link rel="stylesheet" href="/static/bookinfo.css"><link rel="icon" href="/static/favicon.svg" type="image/svg+xml"></head>
<body><header class="bar"><a class="mark" href="/productpage">Bookinfo</a>${account(user, refused)}</header>
<main><section class="product" aria-labelledby="title">${COVER}<div class="about"><h1 id="title">${product.title}</h1>
<p class="summary">${product.summary}</p>${detailsSection(details)}</div></section>
<div class="columns"><div>${reviewsSection(reviews)}
<p class="again"><a class="button" href="/productpage">Ask again</a><span>${user === undefined ? 'Each time, the mesh may choose another version of reviews.' : 'The mesh sees who is signed in, in the header end-user.'}</span></p></div>
${routeSection({ servedBy, details, reviews, recent })}</div></main></body></html>
`.html;
}
