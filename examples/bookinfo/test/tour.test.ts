import { Duration } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { bookinfoWith } from './support';

/** One task of the tour with its mesh: requests from outside, from productpage and from reviews v2. */
function tour(task: string) {
  const bookinfo = bookinfoWith(task);
  const mesh = MeshTesting.of(bookinfo);
  const as = (request: MeshRequest, user?: string) => (user === undefined ? request : request.header('end-user', user));
  return {
    ...bookinfo,
    outside: (url: string) => mesh.send(MeshRequest.get(url)),
    reviewsFor: (user?: string) => mesh.send(as(MeshRequest.get('http://reviews:9080/reviews/0'), user), { from: bookinfo.productpage }),
    ratingsFor: (user?: string) => mesh.send(as(MeshRequest.get('http://ratings:9080/ratings/0'), user), { from: bookinfo.reviewsV2 }),
    fromDetails: (url: string) => mesh.send(MeshRequest.get(url), { from: bookinfo.details }),
    to: (url: string) => mesh.send(MeshRequest.get(url), { from: bookinfo.productpage }),
  };
}

describe('the gateway', () => {
  test.each(['/productpage', '/static/bookinfo.css', '/login', '/logout', '/api/v1/products', '/api/v1/products/0/reviews'])('lets %s in', (path) => {
    const { outside, productpage } = tour('every-version');
    outside(`http://bookinfo.example${path}`).expectTarget(productpage).expectRule('productpage');
  });

  test.each(['/', '/health', '/productpage/more', '/reviews/0'])('answers %s with 404', (path) => {
    tour('every-version').outside(`http://bookinfo.example${path}`).expectStatus(404);
  });
});

describe('every-version', () => {
  test('shares the reviews among the versions, and gives jason v2', () => {
    const { reviewsFor, reviewsV2 } = tour('every-version');
    expect(reviewsFor().distribution()).toEqual([
      { target: 'reviews/v3', percent: 34 }, { target: 'reviews/v1', percent: 33 }, { target: 'reviews/v2', percent: 33 },
    ]);
    reviewsFor('jason').expectTarget(reviewsV2).expectRule('jason');
    expect(reviewsFor('Jason').rule).toBe('everyone'); // header values have their case
  });
});

describe('all-v1', () => {
  test('sends everyone to v1 of every service', () => {
    const { reviewsFor, ratingsFor, to, outside, reviewsV1, ratingsV1, detailsV1, productpage } = tour('all-v1');
    reviewsFor().expectTarget(reviewsV1);
    reviewsFor('jason').expectTarget(reviewsV1);
    ratingsFor().expectTarget(ratingsV1);
    to('http://details:9080/details/0').expectTarget(detailsV1);
    outside('http://bookinfo.example/productpage').expectTarget(productpage);
  });
});

describe('jason-to-v2', () => {
  test('sends jason to v2 and everyone else to v1', () => {
    const { reviewsFor, reviewsV1, reviewsV2 } = tour('jason-to-v2');
    reviewsFor('jason').expectTarget(reviewsV2);
    reviewsFor().expectTarget(reviewsV1);
    reviewsFor('mary').expectTarget(reviewsV1);
  });
});

describe.each([
  ['shift-90-10', [{ target: 'reviews/v1', percent: 90 }, { target: 'reviews/v2', percent: 10 }]],
  ['shift-50-50', [{ target: 'reviews/v1', percent: 50 }, { target: 'reviews/v3', percent: 50 }]],
  ['canary', [{ target: 'reviews/v1', percent: 80 }, { target: 'reviews/v3', percent: 20 }]],
  ['reviews-v2-v3', [{ target: 'reviews/v2', percent: 50 }, { target: 'reviews/v3', percent: 50 }]],
])('%s', (task, shares) => {
  test('shares the reviews so, whoever asks', () => {
    const { reviewsFor } = tour(task);
    expect(reviewsFor().distribution()).toEqual(shares);
    expect(reviewsFor('jason').distribution()).toEqual(shares);
  });
});

describe('jason-v2-others-v3', () => {
  test('sends jason to v2 and everyone else to v3', () => {
    const { reviewsFor, reviewsV2, reviewsV3 } = tour('jason-v2-others-v3');
    reviewsFor('jason').expectTarget(reviewsV2);
    reviewsFor().expectTarget(reviewsV3);
  });
});

describe('delay-for-jason', () => {
  test('delays the ratings for jason by seven seconds, longer than productpage waits, and for nobody else', () => {
    const { ratingsFor, reviewsFor, ratingsV1, reviewsV2 } = tour('delay-for-jason');
    reviewsFor('jason').expectTarget(reviewsV2); // the version that asks for ratings
    ratingsFor('jason').expectDelay(Duration.seconds(7)).expectTarget(ratingsV1);
    expect(ratingsFor().expectTarget(ratingsV1).delay).toBeUndefined();
  });
});

describe('abort-for-jason', () => {
  test('answers jason with 500 in place of the ratings, and nobody else', () => {
    const { ratingsFor, reviewsFor, ratingsV1, reviewsV2 } = tour('abort-for-jason');
    reviewsFor('jason').expectTarget(reviewsV2);
    expect(ratingsFor('jason').expectStatus(500).flag).toBe('FI');
    ratingsFor().expectTarget(ratingsV1);
  });
});

describe('timeout', () => {
  test('gives the reviews half a second, and delays the ratings by two', () => {
    const { reviewsFor, ratingsFor, reviewsV2 } = tour('timeout');
    reviewsFor().expectTarget(reviewsV2).expectTimeout(Duration.millis(500));
    ratingsFor().expectDelay(Duration.seconds(2));
  });
});

describe('one-host', () => {
  test.each([['/reviews/0', 'reviews'], ['/details/0', 'details'], ['/ratings/0', 'ratings'], ['/productpage', 'productpage'], ['/', 'productpage']] as const)(
    'leads bookinfo.example%s to %s', (path, service) => {
      const bookinfo = tour('one-host');
      bookinfo.outside(`http://bookinfo.example${path}`).expectTarget(bookinfo[service]);
    });

  test('leaves other hosts as they were', () => {
    const { outside, productpage } = tour('one-host');
    outside('http://elsewhere.example/reviews/0').expectStatus(404);
    outside('http://elsewhere.example/productpage').expectTarget(productpage);
  });
});

describe('external-service', () => {
  test('lets services call www.googleapis.com', () => {
    const { fromDetails } = tour('external-service');
    expect(fromDetails('http://www.googleapis.com/books/v1/volumes').distribution()).toEqual([{ target: 'www.googleapis.com', percent: 100 }]);
  });
});
