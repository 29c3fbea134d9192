import { Testing } from 'cdk8s';
import { HeaderMatch, MeshPort, MeshService, PathMatch, RouteMatch } from '../../src';

const image = { containers: [{ image: 'reviews:v1' }] };

/** A chart with the service `reviews`, of two versions. */
export function reviewsWithVersions() {
  const chart = Testing.chart();
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  return { chart, reviews, v1: reviews.addVersion('v1', image), v2: reviews.addVersion('v2', image) };
}

export const jason = RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] });
export const prefix = (path: string) => RouteMatch.http({ path: PathMatch.startsWith(path) });
export const exact = (path: string) => RouteMatch.http({ path: PathMatch.exactly(path) });
export const regex = (path: string) => RouteMatch.http({ path: PathMatch.matchesRegex(path) });

/** The same with a caller, `front`, whose requests can be simulated. */
export function reviewsWithCaller() {
  const base = reviewsWithVersions();
  const front = new MeshService(base.chart, 'front', { ports: [MeshPort.http(9080)] });
  front.addVersion('v1', { containers: [{ image: 'front:v1' }] });
  return { ...base, front };
}
