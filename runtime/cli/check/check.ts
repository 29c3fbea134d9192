import { Agent, request as httpRequest } from 'node:http';
import { planRequests } from './plan';
import type { PlannedRequest } from './plan';
import { quantile, rowsOf } from './tally';
import type { Row } from './tally';
import { createExplainer } from '../../../src/analysis/explain';
import type { Explanation, RequestSpec } from '../../../src/analysis/explain';
import { MeshError } from '../../../src/model/error';
import { columns } from '../text/columns';
import type { RequestLine } from '../up/access-format';
import type { UpHandle } from '../up/up';

/** Answers to the requests sent at a gateway. */
interface Sent { readonly route: string; readonly status: number; readonly milliseconds: number }

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
  readonly good: boolean;
}

const CONCURRENCY = 20;
const TIMEOUT_MS = 60_000;
const LOG_MS = 5000;

/** Sends requests through the gateway and compares where they went with what the configuration says. */
export async function check(handle: UpHandle, total: number, reported: () => readonly RequestLine[], signal: AbortSignal): Promise<CheckResult> {
  const plan = planRequests(handle.model, handle.gateways, total);
  if (plan.length === 0) throw new MeshError('MESH_GATEWAY_MISSING', 'a check sends requests through a gateway that speaks HTTP, got a mesh without one; add a Gateway');
  const sent = await drive(plan, signal);
  await logged(reported, plan[0].gateway.name, sent.length);
  const explainer = createExplainer(handle.model);
  const rows = rowsOf(reported(), spec => explained(explainer.explain, spec, plan));
  const callers = [...new Set(sent.map(({ route }) => route))].map((route) => {
    const own = sent.filter(each => each.route === route);
    const statuses = new Map<number, number>();
    for (const { status } of own) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return { route, count: own.length, statuses, milliseconds: own.map(each => each.milliseconds).sort((a, b) => a - b) };
  });
  const served = callers.every(({ statuses }) => [...statuses.keys()].every(status => status > 0 && status < 500));
  return { rows, callers, good: served && rows.every(row => row.good) };
}

/** A gateway is asked at the address where the requests came in, whatever host they named. */
function explained(explain: (spec: RequestSpec) => Explanation, spec: RequestSpec, plan: readonly PlannedRequest[]): Explanation {
  const [{ gateway }] = plan;
  return explain(spec.from === gateway.name ? { ...spec, from: `gateway:${spec.from}`, dialled: { address: gateway.address, port: gateway.listens } } : spec);
}

async function drive(plan: readonly PlannedRequest[], signal: AbortSignal): Promise<Sent[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const queue = interleave(plan);
  const sent: Sent[] = [];
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined && !signal.aborted; next = queue.pop()) sent.push(await send(next, agent));
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

function send({ gateway, path, host, headers }: PlannedRequest, agent: Agent): Promise<Sent> {
  const marks = Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join(', ');
  const route = `GET ${host ?? ''}${path}${marks === '' ? '' : `  ${marks}`}`;
  const start = performance.now();
  return new Promise((resolve) => {
    const done = (status: number) => resolve({ route, status, milliseconds: performance.now() - start });
    const request = httpRequest({
      agent, host: gateway.address, port: gateway.port, path, timeout: TIMEOUT_MS, headers: { ...headers, host: host ?? `${gateway.address}:${gateway.port}` },
    }, (response) => {
      response.on('end', () => done(response.statusCode ?? 0)).on('error', () => done(0)).resume();
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(0));
    request.end();
  });
}

/** Waits, not for ever, until the gateway has reported all that was sent to it. */
async function logged(reported: () => readonly RequestLine[], gateway: string, count: number): Promise<void> {
  const deadline = Date.now() + LOG_MS;
  const missing = () => reported().filter(({ proxy }) => proxy === gateway).length < count;
  while (missing() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50));
}

/** The table that `--check` prints. */
export function checkTable({ rows, callers, good }: CheckResult): string {
  const header = ['ROUTE', 'TARGET', 'EXPECTED', 'OBSERVED', 'STATUS', 'P50', 'P99', ''];
  const percent = (value: number) => `${Number(value.toFixed(2))} %`;
  const latency = (sorted: readonly number[]) => [0.5, 0.99].map(share => (sorted.length === 0 ? '-' : `${quantile(sorted, share).toFixed()} ms`));
  const lines = [
    ...callers.map(each => [each.route, 'caller', '', `${each.count}`, statusText(each.statuses), ...latency(each.milliseconds), '']),
    ...rows.map(row => [row.route, row.target, percent(row.expectedPercent), `${percent(100 * row.observed / row.total)} (${row.observed} of ${row.total})`,
      statusText(row.statuses), ...latency(row.milliseconds), row.good ? '' : 'unexpected']),
  ];
  return `${columns([header, ...lines], 3).replace(/ +$/gm, '')}\n${good ? 'Every request went where the configuration says.' : 'Some requests did not go where the configuration says.'}\n`;
}

function statusText(statuses: ReadonlyMap<number, number>): string {
  const sorted = [...statuses].sort(([a], [b]) => a - b);
  return sorted.length <= 1 ? sorted.map(([status]) => String(status)).join('') : sorted.map(([status, count]) => `${status} × ${count}`).join(', ');
}
