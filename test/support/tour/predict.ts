import type { Ask } from './scenario';
import { MeshRequest, MeshTesting } from '../../../src';
import type { ExplainedTarget, Explanation } from '../../../src/analysis/explain';

/** What the simulator says about one request. */
export interface Prediction {
  /** Percent of each answer, in the words of `Row.gets`. */
  readonly gets: Readonly<Record<string, number>>;
  /** How long the sender waits at least. */
  readonly seconds: number;
  /** Response flags of the sender's proxy where a Pod answers: `DI` for an injected delay. */
  readonly flags: string;
  readonly rule: string;
  readonly virtualHost: string;
  /** The request as the answering Pod sees it; absent where none does. */
  readonly seen?: { readonly host: string; readonly path: string; readonly headers: Readonly<Record<string, string>> };
  /** Exact percentage of each cluster. */
  readonly clusters: Readonly<Record<string, number>>;
}

/** Asks the simulator. What a stand-in asks onward is asked as well, with the time it takes. */
export function predict(mesh: MeshTesting, ask: Ask): Prediction {
  const explanation = explain(mesh, ask);
  const { request, rule, targets, fault } = explanation;
  const answers = answersOf(mesh, ask, explanation);
  return {
    gets: Object.fromEntries(Object.entries(answers.shares)),
    seconds: answers.seconds,
    flags: fault !== undefined && fault.delayPercent > 0 ? 'DI' : '',
    rule: rule?.name ?? '',
    virtualHost: rule?.virtualHost ?? '',
    ...(request !== undefined && { seen: { host: request.authority, path: request.path, headers: request.headers } }),
    clusters: Object.fromEntries(targets.map(({ cluster, percent }) => [cluster, percent])),
  };
}

function explain(mesh: MeshTesting, { from, url, headers = {} }: Ask): Explanation {
  const request = Object.entries(headers).reduce((so, [name, value]) => so.header(name, value), MeshRequest.get(url));
  return mesh.send(request, { fromName: from === 'gateway' ? 'outside' : from }).toJson() as Explanation;
}

interface Answers {
  shares: Record<string, number>;
  seconds: number;
}

function answersOf(mesh: MeshTesting, ask: Ask, explanation: Explanation): Answers {
  const { targets, fault, status, flag, timeoutSeconds } = explanation;
  const answers: Answers = { shares: {}, seconds: fault?.delayPercent === 100 ? fault.delaySeconds : 0 };
  const add = (words: string, percent: number): void => { answers.shares[words] = (answers.shares[words] ?? 0) + percent; };
  if (targets.length === 0) add(`${status} ${flag}`, 100);
  else if (fault?.abortStatus !== undefined) add(`${fault.abortStatus} FI`, fault.abortPercent);
  for (const target of targets) {
    if (target.status !== undefined) {
      add(`${target.status} ${target.flag}`, target.percent);
      continue;
    }
    for (const { name, percent } of podsOf(target)) {
      const onward = onwardOf(mesh, ask, name);
      const share = target.percent * percent / 100;
      if (onward === undefined) {
        add(name, share);
      } else if (timeoutSeconds > 0 && onward.seconds >= timeoutSeconds) {
        answers.seconds = timeoutSeconds;
        add('504 UT', share);
      } else {
        answers.seconds += onward.seconds;
        // Response flags stay with the proxy that set them; the next caller sees the status alone.
        for (const [words, of] of Object.entries(onward.shares)) add(`${name} → ${words.replace(/^(\d+) .*/, '$1')}`, share * of / 100);
      }
    }
  }
  return answers;
}

function podsOf({ host, endpoints }: ExplainedTarget): { name: string; percent: number }[] {
  return endpoints.map(({ workload, percent }) => ({ name: workload?.split('.')[0] ?? host, percent }));
}

/** The request that a stand-in makes because this one tells it to. */
function onwardOf(mesh: MeshTesting, { url, headers }: Ask, from: string): Answers | undefined {
  const { pathname, searchParams } = new URL(url);
  const next = searchParams.get('url');
  if (pathname !== '/call' || next === null) return undefined;
  const ask = { from, url: next, headers };
  return answersOf(mesh, ask, explain(mesh, ask));
}
