import type { Verdict } from '../evaluator';
import { guarded } from '../private/arguments';
import { requireInteger } from '../private/check';

/** What an authorizer gives with its answer. */
export interface AuthorizerAnswerOptions {
  /**
   * Headers, for the application where the request may pass, else for the caller; over HTTP only those that the provider names.
   * @default - none
   */
  readonly headers?: { [name: string]: string };
  /**
   * Body that the caller gets where the request is refused.
   * @default - none
   */
  readonly body?: string;
}

/** What an external authorizer (a CUSTOM policy's provider) answers, declared for a test. */
export class AuthorizerAnswer {
  /** The request may pass. */
  public static allow(options: AuthorizerAnswerOptions = {}): AuthorizerAnswer { return new AuthorizerAnswer({ kind: 'allow', headers: lower(options) }); }
  /**
   * The caller gets this status. Over HTTP one from 500 on says that the authorizer itself failed, as `unavailable()` does. Throws
   * MESH_STATUS_INVALID for a status outside 300 to 599.
   */
  public static deny(status: number = 403, options: AuthorizerAnswerOptions = {}): AuthorizerAnswer {
    requireInteger(undefined, 'MESH_STATUS_INVALID', 'the status of a refusal', status, 300, 599);
    return new AuthorizerAnswer({ kind: 'deny', status, headers: lower(options), body: options.body ?? '' });
  }
  /** It does not answer: requests are refused with the provider's status for that, or pass where it fails open. */
  public static unavailable(): AuthorizerAnswer { return new AuthorizerAnswer({ kind: 'unavailable' }); }

  private readonly verdict: Verdict;

  private constructor(verdict: Verdict) {
    this.verdict = verdict;
  }

  /** @internal */
  public _verdict(): Verdict { return this.verdict; }
}

guarded('AuthorizerAnswer', AuthorizerAnswer);

function lower({ headers = {} }: AuthorizerAnswerOptions): { [name: string]: string } {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
