import { requireInteger } from './check';
import { durationText } from './duration';
import { meshError } from './errors';
import type { networking } from '../../imports';
import type { OutlierDetection } from '../resilience';

/** `outlierDetection`, checked. */
export function outlierSpec(options: OutlierDetection): networking.DestinationRuleSpecTrafficPolicyOutlierDetection {
  const { consecutive5xxErrors, consecutiveGatewayErrors, consecutiveLocalOriginFailures } = options;
  const { interval, baseEjectionTime, maxEjectionPercent, minHealthPercent } = options;
  const count = (name: string, value: number | undefined, low: number, high: number) =>
    (value === undefined ? undefined : requireInteger(undefined, 'MESH_LIMIT_INVALID', name, value, low, high));
  if (maxEjectionPercent === 0) {
    throw meshError(undefined, 'MESH_LIMIT_INVALID', 'maxEjectionPercent must be at least 1, got 0, which Istio takes for its default; leave outlierDetection away for none');
  }
  return {
    consecutive5XxErrors: count('consecutive5xxErrors', consecutive5xxErrors, 0, 4294967295),
    consecutiveGatewayErrors: count('consecutiveGatewayErrors', consecutiveGatewayErrors, 0, 4294967295),
    splitExternalLocalOriginErrors: consecutiveLocalOriginFailures === undefined ? undefined : true,
    consecutiveLocalOriginFailures: count('consecutiveLocalOriginFailures', consecutiveLocalOriginFailures, 1, 4294967295),
    interval: interval && durationText(undefined, 'interval', interval),
    baseEjectionTime: baseEjectionTime && durationText(undefined, 'baseEjectionTime', baseEjectionTime),
    maxEjectionPercent: count('maxEjectionPercent', maxEjectionPercent, 1, 100),
    minHealthPercent: count('minHealthPercent', minHealthPercent, 0, 100),
  };
}
