import { Duration } from 'cdk8s';
import {
  CanaryRollout, CanaryStep, ExternalService, Fault, FaultInjection, MeshPort, PathMatch, RouteMatch, RouteTarget, VirtualHost,
} from 'cdk8s-mesh';
import { type Bookinfo, sentFor } from './bookinfo';

/** One task of the tour: something to do to Bookinfo's traffic, and what a reader then sees. */
export interface Task {
  readonly title: string;
  /** What to look at in the browser, or in the log. */
  readonly look: string;
  readonly apply: (bookinfo: Bookinfo) => void;
}

/** jason gets v2 of the reviews; each other reader one of the three versions. */
function everyVersion({ reviews, reviewsV1, reviewsV2, reviewsV3 }: Bookinfo): void {
  reviews.addRoute('jason', { match: [sentFor('jason')], targets: [RouteTarget.to(reviewsV2)] });
  reviews.addRoute('everyone', {
    targets: [RouteTarget.to(reviewsV1, { weight: 33 }), RouteTarget.to(reviewsV2, { weight: 33 }), RouteTarget.to(reviewsV3, { weight: 34 })],
  });
}

/** Everything but the reviews goes to v1. */
function restToV1({ productpage, productpageV1, details, detailsV1, ratings, ratingsV1 }: Bookinfo): void {
  productpage.addRoute('v1', { targets: [RouteTarget.to(productpageV1)] });
  details.addRoute('v1', { targets: [RouteTarget.to(detailsV1)] });
  ratings.addRoute('v1', { targets: [RouteTarget.to(ratingsV1)] });
}

function jasonToV2(bookinfo: Bookinfo): void {
  const { reviews, reviewsV1, reviewsV2 } = bookinfo;
  restToV1(bookinfo);
  reviews.addRoute('jason', { match: [sentFor('jason')], targets: [RouteTarget.to(reviewsV2)] });
  reviews.addRoute('everyone-else', { targets: [RouteTarget.to(reviewsV1)] });
}

/** The tasks by name, in the order of the tour. Each is applied to a Bookinfo of its own. */
export const TOUR: Readonly<Record<string, Task>> = {
  'every-version': {
    title: 'jason gets reviews v2, everyone else one of the three versions',
    look: 'no stars, black stars and red stars in turn; black ones once signed in as jason',
    apply: everyVersion,
  },

  'all-v1': {
    title: 'every service answers with v1',
    look: 'reviews without stars, however often you ask',
    apply: (bookinfo) => {
      restToV1(bookinfo);
      bookinfo.reviews.addRoute('v1', { targets: [RouteTarget.to(bookinfo.reviewsV1)] });
    },
  },

  'jason-to-v2': {
    title: 'reviews v2 for jason, v1 for everyone else',
    look: 'black stars for jason, none for others',
    apply: jasonToV2,
  },

  'shift-90-10': {
    title: 'one in ten requests goes to reviews v2',
    look: 'black stars once in about ten answers',
    apply: ({ reviews, reviewsV1, reviewsV2 }) => {
      reviews.addRoute('canary', { targets: [RouteTarget.to(reviewsV1, { weight: 90 }), RouteTarget.to(reviewsV2, { weight: 10 })] });
    },
  },

  'shift-50-50': {
    title: 'half of the requests go to reviews v3',
    look: 'red stars in every other answer, on average',
    apply: ({ reviews, reviewsV1, reviewsV3 }) => {
      reviews.addRoute('half', { targets: [RouteTarget.to(reviewsV1, { weight: 50 }), RouteTarget.to(reviewsV3, { weight: 50 })] });
    },
  },

  'canary': {
    title: 'reviews v3 replaces v1 in steps; this is the second',
    look: 'red stars in one of five answers',
    apply: (bookinfo) => {
      new CanaryRollout(bookinfo, 'reviews-v3', {
        service: bookinfo.reviews,
        stable: bookinfo.reviewsV1,
        canary: bookinfo.reviewsV3,
        steps: [CanaryStep.weight(5), CanaryStep.weight(20), CanaryStep.weight(50), CanaryStep.weight(100)],
        at: 1,
      });
    },
  },

  'reviews-v2-v3': {
    title: 'reviews v2 and v3 share the requests, v1 gets none',
    look: 'black and red stars in turn, never none',
    apply: ({ reviews, reviewsV2, reviewsV3 }) => {
      reviews.addRoute('stars', { targets: [RouteTarget.to(reviewsV2, { weight: 50 }), RouteTarget.to(reviewsV3, { weight: 50 })] });
    },
  },

  'jason-v2-others-v3': {
    title: 'reviews v2 for jason, v3 for everyone else',
    look: 'black stars for jason, red for others',
    apply: ({ reviews, reviewsV2, reviewsV3 }) => {
      reviews.addRoute('jason', { match: [sentFor('jason')], targets: [RouteTarget.to(reviewsV2)] });
      reviews.addRoute('everyone-else', { targets: [RouteTarget.to(reviewsV3)] });
    },
  },

  'delay-for-jason': {
    title: 'ratings answer jason seven seconds late',
    // reviews v2 would wait ten seconds; productpage gives up after two tries of three seconds. That is the fault this finds.
    look: 'jason waits six seconds, then reads that reviews are unavailable; others notice nothing',
    apply: (bookinfo) => {
      jasonToV2(bookinfo);
      new FaultInjection(bookinfo, 'slow-ratings', {
        service: bookinfo.ratings, match: [sentFor('jason')], fault: Fault.delay({ fixedDelay: Duration.seconds(7), percent: 100 }),
      });
    },
  },

  'abort-for-jason': {
    title: 'ratings answer jason with 500',
    look: 'jason reads at once that ratings are unavailable; others notice nothing',
    apply: (bookinfo) => {
      jasonToV2(bookinfo);
      new FaultInjection(bookinfo, 'broken-ratings', {
        service: bookinfo.ratings, match: [sentFor('jason')], fault: Fault.abort({ httpStatus: 500, percent: 100 }),
      });
    },
  },

  'timeout': {
    title: 'reviews must answer within half a second, and ratings take two',
    look: 'after one second (two tries), reviews are unavailable',
    apply: (bookinfo) => {
      bookinfo.reviews.addRoute('v2', { targets: [RouteTarget.to(bookinfo.reviewsV2)], timeout: Duration.millis(500) });
      new FaultInjection(bookinfo, 'slow-ratings', { service: bookinfo.ratings, fault: Fault.delay({ fixedDelay: Duration.seconds(2), percent: 100 }) });
    },
  },

  'one-host': {
    title: 'the host bookinfo.example leads to several services by path',
    look: 'curl -H "Host: bookinfo.example" GATEWAY/reviews/0, and /details/0, /ratings/0',
    apply: (bookinfo) => {
      everyVersion(bookinfo);
      const site = new VirtualHost(bookinfo, 'site', { hosts: ['bookinfo.example'], gateways: [bookinfo.gateway] });
      for (const service of [bookinfo.reviews, bookinfo.details, bookinfo.ratings]) {
        site.addRoute(service.name, { match: [RouteMatch.http({ path: PathMatch.startsWith(`/${service.name}/`) })], targets: [RouteTarget.to(service)] });
      }
      site.addRoute('page', { targets: [RouteTarget.to(bookinfo.productpage)] });
    },
  },

  'external-service': {
    title: 'services may call www.googleapis.com outside the mesh',
    look: 'cdk8s-mesh explain examples/bookinfo/dist GET http://www.googleapis.com/ --from details-v1',
    apply: (bookinfo) => {
      everyVersion(bookinfo);
      new ExternalService(bookinfo, 'googleapis', { hosts: ['www.googleapis.com'], ports: [MeshPort.http(80), MeshPort.https(443)] });
    },
  },
};
