import { prepareHeaderMatcher, type Condition } from './condition';
import { milliseconds } from './duration';
import { NEVER, prepareFraction, type Fraction } from './fraction';
import type { HTTPFault } from '../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb';

/** A prepared fault filter configuration. */
export interface Fault {
  /** All must hold for the fault to apply. */
  readonly conditions: readonly Condition[];
  /** '' or the only cluster that it applies to. */
  readonly cluster: string;
  readonly delayMs: number;
  readonly delayShare: Fraction;
  /** HTTP status to abort with; 0 without an abort. */
  readonly abortStatus: number;
  readonly abortGrpcStatus?: number;
  readonly abortShare: Fraction;
}

export function prepareFault(fault: HTTPFault): Fault {
  const { delay, abort } = fault;
  if (delay?.faultDelaySecifier.case === 'headerDelay' || abort?.errorType.case === 'headerAbort') {
    throw new Error('faults controlled by request headers are not supported');
  }
  const grpc = abort?.errorType.case === 'grpcStatus' ? { abortGrpcStatus: abort.errorType.value } : {};
  return {
    conditions: fault.headers.map(prepareHeaderMatcher),
    cluster: fault.upstreamCluster,
    delayMs: delay?.faultDelaySecifier.case === 'fixedDelay' ? milliseconds(delay.faultDelaySecifier.value) : 0,
    delayShare: delay === undefined ? NEVER : prepareFraction(delay.percentage, NEVER),
    // A gRPC status travels on HTTP status 200.
    abortStatus: abort === undefined ? 0 : abort.errorType.case === 'httpStatus' ? abort.errorType.value : 200,
    abortShare: abort === undefined ? NEVER : prepareFraction(abort.percentage, NEVER),
    ...grpc,
  };
}
