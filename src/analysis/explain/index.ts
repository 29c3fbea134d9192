import { entriesOf } from './entry';
import type { Explanation, RequestSpec } from './explanation';
import { proxiesOf, type Proxies, type ProxiesOptions } from './proxies';
import { parseUrl } from './url';
import { walk } from './walk';
import type { Model } from '../../model/model';

export type * from './explanation';
export type { ProxiesOptions } from './proxies';
export { workloadName } from './proxies';
export { callsOf } from './reach';
export { REACH, scopeSavings } from './optimize';
export type { ScopeSaving } from './optimize';
export { explanationJson } from './json';
export { explanationText } from './text';

/** Explains requests to one mesh; proxies are compiled when they are first met and kept. */
export interface Explainer {
  readonly explain: (spec: RequestSpec) => Explanation;
}

export function createExplainer(model: Model, options: ProxiesOptions = {}): Explainer {
  const proxies = proxiesOf(model, options);
  return { explain: spec => explain(proxies, spec) };
}

/** What happens to one request, and why. Throws MeshError where the question names nothing that exists. */
export function explainRequest(model: Model, spec: RequestSpec, options: ProxiesOptions = {}): Explanation {
  return createExplainer(model, options).explain(spec);
}

function explain(proxies: Proxies, spec: RequestSpec): Explanation {
  const url = parseUrl(spec.url);
  const answers = entriesOf(proxies, spec, url).map(entry => walk(proxies, entry, spec, url));
  // From outside, the gateway that serves the host is meant; where none does, the first says so.
  return answers.find(({ outcome }) => outcome !== 'failed') ?? answers.find(({ status }) => status !== undefined) ?? answers[0]!;
}
