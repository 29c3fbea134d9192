import type { Duration } from 'cdk8s';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger, requirePercent } from './private/check';
import { durationText } from './private/duration';

/** Options of `Fault.delay()`. */
export interface DelayOptions {
  /** Time that each chosen request waits before it is sent on, at least 1 ms. */
  readonly fixedDelay: Duration;
  /**
   * Share of the matched requests, 0 or 0.0001 to 100.
   * @default 100
   */
  readonly percent?: number;
}

/** Options of `Fault.abort()`. */
export interface AbortOptions {
  /** Status that each chosen request is answered with instead of being sent on, 200 to 599. */
  readonly httpStatus: number;
  /**
   * Share of the matched requests, 0 or 0.0001 to 100.
   * @default 100
   */
  readonly percent?: number;
}

/** What goes wrong on purpose. Renders `http[].fault` of a VirtualService. */
export class Fault {
  /** Requests wait. Throws MESH_DURATION_INVALID or MESH_PERCENT_INVALID. */
  public static delay(options: DelayOptions): Fault {
    return new Fault({
      delay: { fixedDelay: durationText(undefined, 'fixedDelay', options.fixedDelay), percentage: { value: requirePercent('percent', options.percent ?? 100) } },
    });
  }

  /** Requests are answered with an error. Throws MESH_STATUS_INVALID or MESH_PERCENT_INVALID. */
  public static abort(options: AbortOptions): Fault {
    return new Fault({
      abort: {
        httpStatus: requireInteger(undefined, 'MESH_STATUS_INVALID', 'httpStatus', options.httpStatus, 200, 599),
        percentage: { value: requirePercent('percent', options.percent ?? 100) },
      },
    });
  }

  private constructor(private readonly fault: networking.VirtualServiceSpecHttpFault) {}

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpFault { return this.fault; }
}

guarded('Fault', Fault);
