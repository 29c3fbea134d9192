import { create } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { OutlierDetectionSchema } from '../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb';
import type { OutlierDetection as Message } from '../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb';
import { durationMs } from '../durations';
import type { OutlierDetection } from '../istio-api';

/** An outlierDetection block (istio-behaviour D3). A count of 0 turns its detector off; of own failures it says nothing. */
export function outlierDetection(block: OutlierDetection | undefined): Message | undefined {
  if (block === undefined) return undefined;
  const { consecutive5xxErrors, consecutiveGatewayErrors, interval, baseEjectionTime, maxEjectionPercent } = block;
  const split = block.splitExternalLocalOriginErrors === true;
  const time = (text: string | undefined) => {
    const ms = durationMs(text);
    return ms === undefined ? undefined : duration(ms);
  };
  return create(OutlierDetectionSchema, {
    enforcingSuccessRate: 0,
    ...detector(consecutive5xxErrors, (count, enforcing) => ({ consecutive5xx: count, enforcingConsecutive5xx: enforcing })),
    ...detector(consecutiveGatewayErrors,
      (count, enforcing) => ({ consecutiveGatewayFailure: count, enforcingConsecutiveGatewayFailure: enforcing })),
    interval: time(interval),
    baseEjectionTime: time(baseEjectionTime),
    maxEjectionPercent: maxEjectionPercent !== undefined && maxEjectionPercent > 0 ? maxEjectionPercent : undefined,
    splitExternalLocalOriginErrors: split,
    ...(split ? { enforcingLocalOriginSuccessRate: 0 } : {}),
    ...(split && (block.consecutiveLocalOriginFailures ?? 0) > 0
      ? detector(block.consecutiveLocalOriginFailures,
        (count, enforcing) => ({ consecutiveLocalOriginFailure: count, enforcingConsecutiveLocalOriginFailure: enforcing }))
      : {}),
  });
}

function detector<T>(count: number | undefined, fields: (count: number, enforcing: number) => T): T | undefined {
  return count === undefined ? undefined : fields(count, count > 0 ? 100 : 0);
}
