import type { Explanation, RequestSpec } from './explanation';
import { parseUrl } from './url';

/**
 * An explanation as `explain -o json` prints it: what tools rely on first and always there, `null` where it does not apply, then what else is
 * known, and the trace last. A request that nothing passed on is as it was sent.
 */
export function explanationJson(explanation: Explanation, spec: RequestSpec): object {
  const { outcome, status = null, flag, targets, request, timeoutSeconds, retries = null, mirrors, trace, ...more } = explanation;
  return { outcome, status, flag, targets, request: request ?? asSent(spec), timeoutSeconds, retries, mirrors, ...more, trace };
}

function asSent({ method = 'GET', url, headers = {} }: RequestSpec): Required<Explanation>['request'] {
  const { authority, path } = parseUrl(url);
  return { method, authority, path, headers };
}
