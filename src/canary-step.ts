import type { Duration } from 'cdk8s';
import { guarded } from './private/arguments';
import { requireInteger, requirePercent } from './private/check';
import { durationText, wholeSeconds } from './private/duration';
import { meshError } from './private/errors';
import { regexOf } from './private/text';
import { HeaderMatch } from './route-match';

/** Options of `CanaryStep.mirror()`. */
export interface CanaryMirrorOptions {
  /**
   * Share of the requests that is copied, 0 or 0.0001 to 100.
   * @default 100
   */
  readonly percent?: number;
}

/** One stage of a rollout. What a stage does not change stays as the stages before it left it. */
export class CanaryStep {
  /**
   * The canary takes this share of the requests, in percent; a whole number from 0 to 100, since Istio's weights are whole. Copying ends.
   * Throws MESH_WEIGHT_INVALID.
   */
  public static weight(percent: number): CanaryStep {
    return new CanaryStep('weight', { percent: requireInteger(undefined, 'MESH_WEIGHT_INVALID', 'CanaryStep.weight()', percent, 0, 100) });
  }

  /** Requests with this value in a header all go to the canary, from now on. Throws MESH_HEADER_INVALID. */
  public static header(name: string, value: string): CanaryStep {
    return new CanaryStep('cohort', { cohort: HeaderMatch.valueIs(name, value), said: `header ${name}: ${value}` });
  }

  /** Requests with this cookie all go to the canary, from now on. Throws MESH_HEADER_INVALID. */
  public static cookie(name: string, value: string): CanaryStep {
    return new CanaryStep('cohort', { cohort: cookieMatch(name, value), said: `cookie ${name}=${value}` });
  }

  /** The canary gets copies of requests, whose answers nobody sees, until the next step of weight. Throws MESH_PERCENT_INVALID. */
  public static mirror(options: CanaryMirrorOptions = {}): CanaryStep {
    const mirror = requirePercent('percent', options.percent ?? 100);
    return new CanaryStep('mirror', { mirror, said: `mirror ${mirror} %` });
  }

  /** Nothing changes, so that somebody, or a pipeline, looks: for a while, or until it goes on. Throws MESH_DURATION_INVALID below 1 ms. */
  public static pause(duration?: Duration): CanaryStep {
    const time = duration === undefined ? '' : ` ${durationText(undefined, 'duration', duration)}`;
    return new CanaryStep('pause', { duration, said: `pause${time}` });
  }

  /** Share of the canary, in percent; undefined for a step that does not change it. */
  public readonly percent?: number;
  /** How long a pause lasts; undefined for one without end, and for other steps. */
  public readonly duration?: Duration;
  /** What the step does, e.g. `weight 5 %`. */
  public readonly description: string;
  /** @internal */
  public readonly _cohort?: HeaderMatch;
  /** @internal */
  public readonly _mirror?: number;
  /** @internal */
  public readonly _pause: boolean;

  private constructor(kind: string, parts: { percent?: number; cohort?: HeaderMatch; mirror?: number; duration?: Duration; said?: string }) {
    this.percent = parts.percent;
    this.duration = parts.duration;
    this.description = parts.said ?? `${kind} ${parts.percent} %`;
    this._cohort = parts.cohort;
    this._mirror = parts.mirror;
    this._pause = kind === 'pause';
  }
}

guarded('CanaryStep', CanaryStep);

/** Options of `Stickiness.cookie()`. */
export interface StickinessOptions {
  /**
   * How long a caller stays with the canary after its last answer from it; whole seconds, at least 1.
   * @default - until the browser ends
   */
  readonly ttl?: Duration;
}

/** How callers stay with the version that they got. */
export class Stickiness {
  /**
   * Answers of the canary set a cookie, and requests that carry it go to the canary again, as long as it takes a share at all. Others may
   * come to the canary as its share grows. Throws MESH_HEADER_INVALID for a bad name, MESH_DURATION_INVALID for a bad `ttl`.
   */
  public static cookie(name: string, options: StickinessOptions = {}): Stickiness {
    cookieMatch(name, 'x');
    return new Stickiness(name, options.ttl && wholeSeconds('ttl', options.ttl, 1));
  }

  private constructor(/** Name of the cookie. */ public readonly name: string, private readonly seconds?: number) {}

  /** @internal */
  public _setCookie(value: string): string {
    return `${this.name}=${value}; Path=/; HttpOnly${this.seconds === undefined ? '' : `; Max-Age=${this.seconds}`}`;
  }

  /** @internal */
  public _match(value: string): HeaderMatch { return cookieMatch(this.name, value); }
}

guarded('Stickiness', Stickiness);

/** The cookie header has this cookie, among others perhaps. */
function cookieMatch(name: string, value: string): HeaderMatch {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[!#-+.-:<-[\]-~-]*$/.test(value)) {
    throw meshError(undefined, 'MESH_HEADER_INVALID', `a cookie must have a name and a value that cookies may have, got "${name}=${value}"; leave away spaces, quotes, commas, semicolons and backslashes`);
  }
  return HeaderMatch.valueMatchesRegex('cookie', `(.*;[ ]*)?${regexOf(name)}=${regexOf(value)}(;.*)?`);
}
