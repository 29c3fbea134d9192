import { AS_JASON, askOnward } from '../../support/tour/scenario';
import type { Row } from '../../support/tour/scenario';

const REVIEWS = { from: 'productpage-v1', url: 'http://reviews:9080/reviews/0' };
const DETAILS = { from: 'productpage-v1', url: 'http://details:9080/details/0' };
const RATINGS = { from: 'reviews-v2', url: 'http://ratings:9080/ratings/0' };
/** Reviews that ask for ratings, as their real versions 2 and 3 do. */
const RATED = { from: 'productpage-v1', url: `http://reviews:9080${askOnward('http://ratings:9080/ratings/0')}` };
const asJason = <T extends object>(ask: T): T & { headers: Readonly<Record<string, string>> } => ({ ...ask, headers: AS_JASON });
const fromOutside = (path: string, host = 'shop.example') => ({ from: 'gateway', url: `http://${host}${path}` });

const EACH_VERSION = { 'reviews-v1': 33, 'reviews-v2': 33, 'reviews-v3': 34 };
/** No rule of the gateway's names a version: load balancing chooses, among equals. */
const ANY_VERSION = { 'reviews-v1': 100 / 3, 'reviews-v2': 100 / 3, 'reviews-v3': 100 / 3 };

/** The paths that the gateway lets in, and some that it does not; every task leaves them alone. */
const GATEWAY: readonly Row[] = [
  { ...fromOutside('/productpage'), gets: 'productpage-v1' },
  { ...fromOutside('/static/bookinfo.css'), gets: 'productpage-v1' },
  { ...fromOutside('/login'), gets: 'productpage-v1' },
  { ...fromOutside('/logout'), gets: 'productpage-v1' },
  { ...fromOutside('/api/v1/products/0/reviews'), gets: 'productpage-v1' },
  { ...fromOutside('/productpage/more'), gets: '404 NR' },
  { ...fromOutside('/reviews/0'), gets: '404 NR' },
  { ...fromOutside('/'), gets: '404 NR' },
];

/** What is asked under each task of the tour, and who answers. */
export const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'every-version': [
    { ...REVIEWS, gets: EACH_VERSION, measured: true },
    { ...asJason(REVIEWS), gets: 'reviews-v2' },
    { ...REVIEWS, headers: { 'end-user': 'Jason' }, gets: EACH_VERSION },
    { ...DETAILS, gets: 'details-v1' },
    { ...asJason(RATINGS), gets: 'ratings-v1' },
    ...GATEWAY,
  ],
  'all-v1': [
    { ...REVIEWS, gets: 'reviews-v1' },
    { ...asJason(REVIEWS), gets: 'reviews-v1' },
    { ...REVIEWS, url: 'http://reviews.default:9080/reviews/0?page=1', gets: 'reviews-v1' },
    { ...REVIEWS, url: 'http://reviews.default.svc.cluster.local:9080/', gets: 'reviews-v1' },
    { ...DETAILS, gets: 'details-v1' },
    { ...RATINGS, gets: 'ratings-v1' },
    { from: 'ratings-v1', url: 'http://productpage:9080/productpage', gets: 'productpage-v1' },
    ...GATEWAY,
  ],
  'jason-to-v2': [
    { ...asJason(RATED), gets: 'reviews-v2 → ratings-v1' },
    { ...RATED, gets: 'reviews-v1 → ratings-v1' },
    { ...REVIEWS, headers: { 'end-user': 'mary' }, gets: 'reviews-v1' },
    { ...fromOutside(askOnward('http://reviews:9080/reviews/0')), headers: AS_JASON, gets: '404 NR' },
    { ...DETAILS, gets: 'details-v1' },
  ],
  'shift-90-10': [
    { ...REVIEWS, gets: { 'reviews-v1': 90, 'reviews-v2': 10 }, measured: true },
    { ...asJason(REVIEWS), gets: { 'reviews-v1': 90, 'reviews-v2': 10 } },
  ],
  'shift-50-50': [
    { ...REVIEWS, gets: { 'reviews-v1': 50, 'reviews-v3': 50 }, measured: true },
    { ...asJason(REVIEWS), gets: { 'reviews-v1': 50, 'reviews-v3': 50 } },
  ],
  'canary': [
    { ...REVIEWS, gets: { 'reviews-v1': 80, 'reviews-v3': 20 }, measured: true },
  ],
  'reviews-v2-v3': [
    { ...REVIEWS, gets: { 'reviews-v2': 50, 'reviews-v3': 50 }, measured: true },
  ],
  'jason-v2-others-v3': [
    { ...asJason(REVIEWS), gets: 'reviews-v2' },
    { ...REVIEWS, gets: 'reviews-v3' },
  ],
  'delay-for-jason': [
    { ...asJason(RATINGS), gets: 'ratings-v1', seconds: 7 },
    { ...asJason(RATED), gets: 'reviews-v2 → ratings-v1', seconds: 7 },
    { ...RATINGS, gets: 'ratings-v1' },
    { ...RATED, gets: 'reviews-v1 → ratings-v1' },
  ],
  'abort-for-jason': [
    { ...asJason(RATINGS), gets: '500 FI' },
    { ...asJason(RATED), gets: 'reviews-v2 → 500' },
    { ...RATINGS, gets: 'ratings-v1' },
    { ...RATED, gets: 'reviews-v1 → ratings-v1' },
  ],
  'timeout': [
    { ...RATED, gets: '504 UT', seconds: 0.5 },
    { ...REVIEWS, gets: 'reviews-v2' },
    { ...RATINGS, gets: 'ratings-v1', seconds: 2 },
  ],
  'one-host': [
    { ...fromOutside('/reviews/0', 'bookinfo.example'), gets: ANY_VERSION },
    { ...asJason(fromOutside('/reviews/0', 'bookinfo.example')), gets: ANY_VERSION },
    { ...fromOutside('/details/0', 'bookinfo.example'), gets: 'details-v1' },
    { ...fromOutside('/ratings/0', 'bookinfo.example'), gets: 'ratings-v1' },
    { ...fromOutside('/', 'bookinfo.example'), gets: 'productpage-v1' },
    { ...fromOutside('/reviews', 'bookinfo.example'), gets: 'productpage-v1' },
    ...GATEWAY,
  ],
  'external-service': [
    { from: 'details-v1', url: 'http://www.googleapis.com/books/v1/volumes?q=isbn:0486424618', gets: 'www.googleapis.com' },
    { from: 'details-v1', url: 'https://www.googleapis.com/books/v1/volumes', gets: 'www.googleapis.com' },
    { ...asJason(REVIEWS), gets: 'reviews-v2' },
  ],
};
