import { predict } from './predict';
import type { Prediction } from './predict';
import { RunningMesh } from './running-mesh';
import type { Observed } from './running-mesh';
import { sharesOf, titleOf } from './scenario';
import type { Row, Scenario } from './scenario';
import { beyondChance, percentsIn } from './weights';
import type { DataPlane } from '../../../runtime/cli/up/data-plane';
import { envoyDataPlane } from '../../../runtime/cli/up/envoy';
import { referenceDataPlane } from '../../../runtime/cli/up/reference';
import { MeshTesting } from '../../../src';
import { describeReal } from '../real-parts';

/** Requests per distribution that is measured. */
const OFTEN = 2000;
const START_MS = 60_000;
const SCENARIO_MS = 60_000;

/** Timers count from when their loop last looked at the clock, which is a little before the request came. */
const CLOCK_SECONDS = 0.02;

type Engine = DataPlane['name'];

/** What both data planes must have in common, by engine and then by scenario and row. */
type Facts = Record<Engine, Map<string, object>>;

/**
 * Asks the same questions in each scenario through the simulator, through a mesh of reference proxies and through the same of real
 * Envoys; all three must give the expected answers, and the proxies the same headers, flags and rules.
 */
export function describeScenarios(scenarios: readonly Scenario[], ca?: () => string): void {
  describe('the simulator', () => {
    test.each(scenarios.map(scenario => [scenario.name, scenario] as const))('%s', (_name, { manifests, rows }) => {
      const mesh = MeshTesting.fromYaml(manifests());
      const predicted = rows.map(row => ({ row: titleOf(row), ...pick(predict(mesh, row)) }));
      expect(predicted).toEqual(rows.map(row => ({ row: titleOf(row), gets: sharesOf(row), seconds: row.seconds ?? 0 })));
    });
  });
  const facts: Facts = { reference: new Map(), envoy: new Map() };
  describe('reference proxies', () => throughProxies(scenarios, referenceDataPlane, facts.reference, ca));
  describeReal(['envoy'], 'real Envoys', ({ envoy }) => {
    throughProxies(scenarios, () => envoyDataPlane({ ...process.env, ENVOY_BIN: envoy }), facts.envoy, ca);

    test('give what the reference proxies give: headers both ways, flags, rules and clusters', () => {
      const both = [...facts.envoy.keys()].filter(key => facts.reference.has(key));
      expect(both.length).toBeGreaterThan(0);
      const [own, theirs] = [facts.reference, facts.envoy].map(seen => Object.fromEntries(both.map(key => [key, seen.get(key)])));
      expect(own).toEqual(theirs);
    });
  });
}

const pick = ({ gets, seconds }: Prediction): Pick<Prediction, 'gets' | 'seconds'> => ({ gets, seconds });

/** One mesh goes through all scenarios while it runs. */
function throughProxies(scenarios: readonly Scenario[], dataPlane: () => DataPlane, facts: Map<string, object>, ca?: () => string): void {
  let mesh: RunningMesh;
  let present: string;
  let engine: Engine;

  beforeAll(async () => {
    const plane = dataPlane();
    engine = plane.name;
    const first = scenarios.find(({ refused }) => refused?.[engine] === undefined)!;
    present = first.manifests();
    mesh = await RunningMesh.start(plane, present);
  }, START_MS * 6);

  afterAll(async () => {
    await mesh?.stop();
    expect(mesh?.troubles ?? []).toEqual([]);
  }, START_MS);

  test.each(scenarios.map(scenario => [scenario.name, scenario] as const))('%s', async (name, { manifests, rows, refused }) => {
    const text = manifests();
    if (text !== present) {
      expect(await mesh.change(text)).toEqual(refused?.[engine] ?? []);
      if (refused?.[engine] !== undefined) return;
      present = text;
    }
    const simulator = MeshTesting.fromYaml(text);
    const asked = await Promise.all(rows.map(async row => ({ row, predicted: predict(simulator, row), observed: await settled(mesh, row, ca?.()) })));
    for (const { row, predicted, observed } of asked) {
      const title = titleOf(row);
      expect({ title, ...problemsOf(row, predicted, observed) }).toEqual({ title });
      // What differs from one request to the next by chance is compared as a distribution.
      if (Object.keys(sharesOf(row)).length === 1) facts.set(`${name}: ${title}`, factsOf(observed));
    }
    for (const { row, predicted } of asked.filter(({ row: { measured } }) => measured)) {
      expect(percentsIn(await mesh.configOf(row.from), predicted.virtualHost, predicted.rule)).toEqual(predicted.clusters);
      expect(beyondChance(await mesh.askOften(row, OFTEN), sharesOf(row))).toEqual([]);
    }
  }, SCENARIO_MS);
}

/** Envoy acknowledges an update a moment before its worker thread has it; a request within that moment is asked again, once. */
async function settled(mesh: RunningMesh, row: Row, ca: string | undefined): Promise<Observed> {
  const observed = await mesh.ask(row, ca);
  return sharesOf(row)[observed.got] === undefined ? mesh.ask(row, ca) : observed;
}

/** Everything in which an answer differs from what was expected and predicted; empty where nothing does. */
function problemsOf(row: Row, predicted: Prediction, { got, seconds, seen, logged }: Observed): Record<string, unknown> {
  const problems: Record<string, unknown> = {};
  const expected = (what: string, is: unknown, should: unknown): void => { if (is !== should) problems[what] = { is, should }; };
  if (sharesOf(row)[got] === undefined) problems.got = { is: got, should: row.gets };
  if (seconds < (row.seconds ?? 0) - CLOCK_SECONDS) problems.seconds = { is: seconds, should: row.seconds };
  if (seen !== undefined) {
    const url = new URL(row.url);
    expected('host', seen.host, row.seenHost ?? url.host);
    expected('path', seen.path, row.seenPath ?? url.pathname + url.search);
    // A connection that no proxy reads has no request to predict.
    if (logged !== undefined) {
      expected('predicted host', predicted.seen?.host, seen.host);
      expected('predicted path', predicted.seen?.path, seen.path);
    }
    for (const [name, value] of Object.entries(predicted.seen?.headers ?? {})) expected(`header ${name}`, seen.headers[name], value);
    if (logged !== undefined) expected('flags', logged.flags, predicted.flags);
  }
  if (logged !== undefined && logged.route !== '') expected('rule', logged.route, predicted.rule);
  return problems;
}

/** Headers that say something else each time, by what they must look like. */
const VARYING: Readonly<Record<string, RegExp>> = {
  'x-request-id': /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
  'date': /^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/,
  'x-envoy-upstream-service-time': /^\d+$/,
  'content-length': /^\d+$/,
};

/** Envoys speak mutual TLS among themselves and name the operation for the next hop's span; the reference proxy does neither yet. */
const OF_ENVOY = ['x-forwarded-client-cert', 'x-envoy-decorator-operation'];

function factsOf({ got, status, headers, seen, logged }: Observed): object {
  return {
    got,
    status,
    headers: comparable(headers),
    ...(seen !== undefined && { seen: comparable(seen.headers) }),
    ...(logged !== undefined && { flags: logged.flags, route: logged.route, cluster: logged.cluster }),
  };
}

function comparable(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_ENVOY.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, VARYING[name]?.test(String(value)) ? 'as it should be' : value]));
}
