import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { stringMatcher } from './match';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { FaultDelaySchema } from '../../xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb';
import { CorsPolicySchema } from '../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { FractionalPercent_DenominatorType } from '../../xds/gen/envoy/type/v3/percent_pb';
import { durationMs } from '../durations';
import type { CorsPolicy, HttpFault, HttpRoute, Percentage } from '../istio-api';

/** Filters that a rule configures for its own routes. */
export function filtersPerRoute(rule: Pick<HttpRoute, 'fault' | 'corsPolicy'>): Record<string, Any> | undefined {
  if (rule.fault === undefined && rule.corsPolicy === undefined) return undefined;
  return {
    ...(rule.corsPolicy === undefined ? {} : { 'envoy.filters.http.cors': cors(rule.corsPolicy) }),
    ...(rule.fault === undefined ? {} : { 'envoy.filters.http.fault': fault(rule.fault) }),
  };
}

/** Parts of a million; the fraction beyond is cut, as Istio cuts it. */
export const perMillion = (percentage: Percentage) => ({
  numerator: Math.trunc((percentage.value ?? 0) * 10_000), denominator: FractionalPercent_DenominatorType.MILLION,
});

function fault({ delay, abort }: HttpFault): Any {
  return pack(HTTPFaultSchema, {
    delay: delay === undefined ? undefined : create(FaultDelaySchema, {
      faultDelaySecifier: { case: 'fixedDelay', value: duration(durationMs(delay.fixedDelay) ?? 0) },
      percentage: delay.percentage === undefined ? { numerator: delay.percent ?? 0 } : perMillion(delay.percentage),
    }),
    abort: abort === undefined ? undefined : {
      errorType: abort.grpcStatus !== undefined
        ? { case: 'grpcStatus', value: grpcCode(abort.grpcStatus) } : { case: 'httpStatus', value: abort.httpStatus ?? 0 },
      percentage: abort.percentage === undefined ? undefined : perMillion(abort.percentage),
    },
  });
}

const GRPC_CODES = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
];

/** Number of a gRPC status given by name or number; UNKNOWN for anything else. */
function grpcCode(status: string): number {
  const code = /^\d+$/.test(status) ? Number(status) : GRPC_CODES.indexOf(status);
  return code >= 0 && code < GRPC_CODES.length ? code : 2;
}

function cors(policy: CorsPolicy): Any {
  const origins = (policy.allowOrigins ?? []).map(stringMatcher);
  if (origins.length === 0) origins.push(...(policy.allowOrigin ?? []).map(exact => stringMatcher({ exact })));
  const maxAge = durationMs(policy.maxAge);
  return pack(CorsPolicySchema, {
    allowOriginStringMatch: origins,
    allowMethods: (policy.allowMethods ?? []).join(','),
    allowHeaders: (policy.allowHeaders ?? []).join(','),
    exposeHeaders: (policy.exposeHeaders ?? []).join(','),
    maxAge: maxAge === undefined ? '' : String(Math.trunc(maxAge / 1000)),
    allowCredentials: policy.allowCredentials,
    filterEnabled: { defaultValue: { numerator: 100 } },
    forwardNotMatchingPreflights: policy.unmatchedPreflights !== 'IGNORE',
  });
}
