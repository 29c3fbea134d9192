import { Agent, request as httpRequest } from 'node:http';
import { planRequests } from './plan';
import type { PlannedRequest } from './plan';
import { probeOf } from './probes';
import type { Unexercised } from './probes';
import { beyondHttp, bindingsOf, rulesOf } from './rules';
import { marksText, quantile, rowsOf } from './tally';
import type { Row } from './tally';
import { createExplainer } from '../../../src/analysis/explain';
import { MeshError } from '../../../src/model/error';
import { columns } from '../text/columns';
import { CHECK_HEADER } from '../up/access-format';
import type { RequestLine } from '../up/access-format';
import type { UpHandle } from '../up/up';

/** Answers to the requests sent. */
interface Sent { readonly request: PlannedRequest; readonly status: number; readonly milliseconds: number }

/** How requests of one kind were answered. */
export interface Caller {
  readonly route: string;
  readonly count: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Sorted. */
  readonly milliseconds: readonly number[];
}

export interface CheckResult {
  readonly rows: readonly Row[];
  /** One for each kind of request sent: its answers as the caller saw them. */
  readonly callers: readonly Caller[];
  /** Rules that no request met. */
  readonly unexercised: readonly Unexercised[];
  readonly good: boolean;
}

const CONCURRENCY = 20;
const TIMEOUT_MS = 60_000;
const LOG_MS = 5000;

/** Requests for a rule that what comes in at the gateway does not meet: a share of the total. */
const OF_RULE = { share: 0.1, least: 10, most: 100 };

/** Throws where there is nothing to check, before anything is started for it. */
export function checkable({ model, gateways }: Pick<UpHandle, 'model' | 'gateways'>): void {
  if (gateways.some(({ url }) => url.startsWith('http:')) || rulesOf(model).some(({ owner }) => bindingsOf(owner).includes('mesh'))) return;
  throw new MeshError('MESH_GATEWAY_MISSING', 'a check sends requests through a gateway that speaks HTTP, or to services that rules are for, '
    + 'got a mesh without either; add a Gateway or a VirtualService');
}

/**
 * Sends requests through the gateway, then, for each rule that none of them met, from the sidecar of a caller; compares where they went
 * with what the configuration says.
 */
export async function check(handle: UpHandle, total: number, reported: () => readonly RequestLine[], signal: AbortSignal): Promise<CheckResult> {
  const { explain } = createExplainer(handle.model, { compiler: handle.compiler });
  const plans: PlannedRequest[] = [];
  const run = async (plan: readonly PlannedRequest[]) => {
    const first = plans.length;
    plans.push(...plan);
    const sent = await drive(plan, first, signal);
    await logged(reported, plans, first, sent.length);
    return { sent, rows: rowsOf(reported(), mark => (mark === '' ? undefined : plans[Number(mark)]), explain) };
  };
  const paged = await run(planRequests(handle.model, handle.gateways, total));
  const met = new Set(paged.rows.map(({ rule }) => rule));
  const count = Math.min(OF_RULE.most, Math.max(OF_RULE.least, Math.floor(total * OF_RULE.share)));
  const probes = rulesOf(handle.model).filter(({ written }) => !met.has(written)).map(rule => probeOf(handle, explain, rule, count));
  const ruled = await run(probes.flatMap(probe => ('because' in probe ? [] : [probe])));
  const callers = callersOf(paged.sent);
  const served = callers.every(({ statuses }) => [...statuses.keys()].every(status => status > 0 && status < 500));
  // What answers a request made up for a rule may well refuse it, but somebody answers.
  const answered = ruled.sent.every(({ status }) => status > 0);
  return {
    rows: ruled.rows,
    callers: [...callers, ...callersOf(ruled.sent.filter(({ status }) => status === 0))],
    unexercised: [...probes.flatMap(probe => ('because' in probe ? [probe] : [])), ...beyondHttp(handle.model)],
    good: served && answered && ruled.rows.every(row => row.good),
  };
}

function callersOf(sent: readonly Sent[]): Caller[] {
  const routes = new Map<string, Sent[]>();
  for (const each of sent) {
    const { method, host, path, headers } = each.request;
    const route = [`${method} ${host ?? ''}${path}`, marksText(headers)].filter(part => part !== '').join('  ');
    routes.set(route, [...routes.get(route) ?? [], each]);
  }
  return [...routes].map(([route, own]) => {
    const statuses = new Map<number, number>();
    for (const { status } of own) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return { route, count: own.length, statuses, milliseconds: own.map(each => each.milliseconds).sort((a, b) => a - b) };
  });
}

/** Sends what is planned. Marks are the places of requests in the whole plan, of which this is the part from `first` on. */
async function drive(plan: readonly PlannedRequest[], first: number, signal: AbortSignal): Promise<Sent[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const queue = interleave(plan);
  const sent: Sent[] = [];
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined && !signal.aborted; next = queue.pop()) {
      sent.push(await send(next, first + plan.indexOf(next), agent));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  agent.destroy();
  return sent;
}

/** The kinds of requests mixed evenly, so that slow ones do not come all at the end. */
function interleave(plan: readonly PlannedRequest[]): PlannedRequest[] {
  return plan.flatMap(request => Array.from({ length: request.count }, (_, index) => ({ at: (index + 0.5) / request.count, request })))
    .sort((a, b) => b.at - a.at).map(({ request }) => request);
}

function send(request: PlannedRequest, mark: number, agent: Agent): Promise<Sent> {
  const { address, port, method, path, host = `${address}:${port}`, headers } = request;
  const start = performance.now();
  return new Promise((resolve) => {
    const done = (status: number) => resolve({ request, status, milliseconds: performance.now() - start });
    const outgoing = httpRequest({
      agent, host: address, port, method, path, timeout: TIMEOUT_MS, headers: { ...headers, host, [CHECK_HEADER]: String(mark) },
    }, (response) => {
      response.on('end', () => done(response.statusCode ?? 0)).on('error', () => done(0)).resume();
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => done(0));
    outgoing.end();
  });
}

/** Waits, not for ever, until the proxies have reported all that was sent to them. */
async function logged(reported: () => readonly RequestLine[], plans: readonly PlannedRequest[], first: number, count: number): Promise<void> {
  const deadline = Date.now() + LOG_MS;
  const isOurs = ({ check: mark, proxy }: RequestLine) => mark !== '' && Number(mark) >= first && plans[Number(mark)]?.proxy === proxy;
  while (reported().filter(isOurs).length < count && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50));
}

/** The table that `--check` prints. */
export function checkTable({ rows, callers, unexercised, good }: CheckResult): string {
  const header = ['ROUTE', 'TARGET', 'EXPECTED', 'OBSERVED', 'STATUS', 'P50', 'P99', 'RULE', ''];
  const percent = (value: number) => `${Number(value.toFixed(2))} %`;
  const latency = (sorted: readonly number[]) => [0.5, 0.99].map(share => (sorted.length === 0 ? '-' : `${quantile(sorted, share).toFixed()} ms`));
  const lines = [
    ...callers.map(each => [each.route, 'caller', '', `${each.count}`, statusText(each.statuses), ...latency(each.milliseconds), '', '']),
    ...rows.map(row => [row.route, row.target, percent(row.expectedPercent), `${percent(100 * row.observed / row.total)} (${row.observed} of ${row.total})`,
      statusText(row.statuses), ...latency(row.milliseconds), row.rule, row.good ? '' : 'unexpected']),
  ];
  const verdict = good ? 'Every request went where the configuration says.' : 'Some requests did not go where the configuration says.';
  const left = unexercised.length === 0 ? [] : ['', 'Not exercised:', ...unexercised.map(({ written, because }) => `  ${written}: ${because}`)];
  return `${[columns([header, ...lines], 3).replace(/ +$/gm, ''), verdict, ...left].join('\n')}\n`;
}

function statusText(statuses: ReadonlyMap<number, number>): string {
  const sorted = [...statuses].sort(([a], [b]) => a - b);
  return sorted.length <= 1 ? sorted.map(([status]) => String(status)).join('') : sorted.map(([status, count]) => `${status} × ${count}`).join(', ');
}
