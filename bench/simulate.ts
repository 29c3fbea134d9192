/**
 * How fast the evaluator decides on a mesh of 1,000 services, each with a header match, a 90/10 split, a timeout and retries.
 */
import { machine, meshOf, timed } from './mesh';
import { createCompiler } from '../src/compiler/compiler';
import {
  clusterOutcome, decide, matchFilterChain, matchListener, matchRoute, normalizePath, pickEndpoint, prepare,
  type Connection, type Draw, type HttpRequestFacts,
} from '../src/evaluator';
import { findWorkload } from '../src/model/find-workload';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';
import { proxyOf } from '../src/model/proxy';

const SERVICES = 1000;
const DECISIONS = 500_000;
const ROUNDS = 5;

const resources = resourcesOf(meshOf(SERVICES));
const model = timed(() => buildModel(resources));
const compiler = createCompiler(model.result);
const proxyAt = (name: string) => proxyOf(model.result, findWorkload(model.result, name));
const first = timed(() => compiler.compile(proxyAt('service-0-v1')));
const second = timed(() => compiler.compile(proxyAt('service-1-v1')));
const proxy = prepare(first.result);

let state = 1;
const draw: Draw = (_purpose, bound) => {
  state = (state * 48271) % 2147483647;
  return state % bound;
};
const requests = Array.from({ length: SERVICES }, (_, i): HttpRequestFacts => ({
  method: 'GET',
  scheme: 'http',
  authority: `service-${i}:8080`,
  path: `/items/${i}?page=2`,
  headers: new Map<string, string>(i % 2 === 0 ? [['end-user', 'jason'], ['accept', '*/*']] : [['accept', '*/*']]),
}));
const connection: Connection = { address: '10.96.0.1', port: 8080, transport: 'raw_buffer', http: 'http/1.1' };

/** What the reference proxy asks for each request: its connection is known. */
function perRequest(): number {
  const chain = matchFilterChain(matchListener(proxy.listeners, connection, 'outbound')!, connection)!;
  if (chain.terminal.kind !== 'http') throw new Error('not an HTTP chain');
  const table = proxy.routesOf(chain.terminal)!;
  let forwarded = 0;
  for (let i = 0; i < DECISIONS; i++) {
    const request = requests[i % SERVICES]!;
    normalizePath(request.path, chain.terminal.path);
    const rule = matchRoute(table, request);
    if (rule !== undefined && decide(rule, request, draw).kind === 'forward') forwarded++;
  }
  return forwarded;
}

/** From the dialled address to the endpoint. */
function wholeWay(): number {
  let reached = 0;
  for (let i = 0; i < DECISIONS; i++) {
    const request = requests[i % SERVICES]!;
    const chain = matchFilterChain(matchListener(proxy.listeners, connection, 'outbound')!, connection)!;
    if (chain.terminal.kind !== 'http') throw new Error('not an HTTP chain');
    normalizePath(request.path, chain.terminal.path);
    const rule = matchRoute(proxy.routesOf(chain.terminal)!, request)!;
    const decision = decide(rule, request, draw);
    if (decision.kind !== 'forward') continue;
    const outcome = clusterOutcome(proxy, decision.cluster);
    if (outcome.kind === 'endpoints' && pickEndpoint(outcome.cluster, draw) !== undefined) reached++;
  }
  return reached;
}

const rate = (work: () => number): string => {
  const rounds = Array.from({ length: ROUNDS }, () => timed(work));
  if (rounds.some(({ result }) => result !== DECISIONS)) throw new Error('some request went nowhere');
  const best = Math.min(...rounds.map(({ ms }) => ms));
  return `${Math.round(DECISIONS / best * 1000).toLocaleString('en')} decisions/s`;
};

process.stdout.write(`${SERVICES} services, ${resources.length} resources, ${machine()}
model                       ${model.ms.toFixed(0)} ms
first sidecar compiled      ${first.ms.toFixed(0)} ms
second sidecar, same scope  ${second.ms.toFixed(0)} ms
rule and decision           ${rate(perRequest)}
address to endpoint         ${rate(wholeWay)}
target                      300,000 decisions/s
`);
