import type { HttpRequestFacts } from './decision';
import { ALWAYS, prepareRuntimeFraction, type Fraction } from './fraction';
import { prepareStringMatcher, type StringTest } from './string-matcher';
import type { CorsPolicy } from '../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb';

/** A prepared CORS policy. */
export interface Cors {
  readonly origins: readonly StringTest[];
  readonly share: Fraction;
  readonly forwardNotMatching: boolean;
  /** Headers of a preflight answer besides the origin. */
  readonly preflight: readonly (readonly [string, string])[];
  /** Headers added to the upstream's answer besides the origin. */
  readonly actual: readonly (readonly [string, string])[];
  readonly privateNetwork: boolean;
}

export function prepareCors(policy: CorsPolicy): Cors {
  const credentials: [string, string][] = policy.allowCredentials ? [['access-control-allow-credentials', 'true']] : [];
  const named = (name: string, value: string): [string, string][] => (value === '' ? [] : [[name, value]]);
  return {
    origins: policy.allowOriginStringMatch.map(prepareStringMatcher),
    share: prepareRuntimeFraction(policy.filterEnabled, ALWAYS),
    forwardNotMatching: policy.forwardNotMatchingPreflights ?? true,
    preflight: [
      ...credentials,
      ...named('access-control-allow-methods', policy.allowMethods),
      ...named('access-control-allow-headers', policy.allowHeaders),
      ...named('access-control-max-age', policy.maxAge),
    ],
    actual: [...credentials, ...named('access-control-expose-headers', policy.exposeHeaders)],
    privateNetwork: policy.allowPrivateNetworkAccess ?? false,
  };
}

/** A browser asks whether it may send a request. */
export function isPreflight(request: HttpRequestFacts): boolean {
  return request.method === 'OPTIONS' && (request.headers.get('access-control-request-method') ?? '') !== '';
}

export function allowsOrigin(cors: Cors, origin: string): boolean {
  return cors.origins.some(({ test }) => test('*') || test(origin));
}

/** Headers of the answer to a preflight request from an allowed origin. */
export function preflightHeaders(cors: Cors, request: HttpRequestFacts, origin: string): readonly (readonly [string, string])[] {
  const asked = cors.privateNetwork && request.headers.get('access-control-request-private-network') === 'true';
  return [['access-control-allow-origin', origin], ...cors.preflight, ...(asked ? [['access-control-allow-private-network', 'true'] as const] : [])];
}
