import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { Construct } from 'constructs';
import { shapesOf } from './support/api-shapes';
import { type Mutation, mutated, mutationsOf, told } from './support/mutations';
import { analyzeManifests } from '../src/analysis';

/**
 * Every argument of every public call, and every member of what is handed over with it, once with each of many values that are wrong or odd.
 * Each is refused in one way: `[where] CODE: rule, got value; repair`. What is taken renders objects that Istio takes.
 */
const shapes = shapesOf(join(__dirname, '../src/index.ts'));

interface Called { readonly call: string; readonly given: readonly unknown[]; readonly go: (given: any[]) => unknown }
/** What users call, from their own code and not from within, in the order of the scenario that runs. */
let called: Called[] = [];
let within = 0;
let change: { readonly at: number; readonly mutation: Mutation } | undefined;

/** One call from outside: written down, and with other arguments where that is asked for. */
function watched<T>(call: string, given: unknown[], go: (given: unknown[]) => T): T {
  const outside = within === 0;
  const at = called.length;
  if (outside) called.push({ call, given, go });
  within++;
  try {
    return go(outside && change?.at === at ? mutated(given, change.mutation) : given);
  } finally {
    within--;
  }
}

function watchedLibrary(): object {
  const library = jest.requireActual('../src');
  const classes = Object.entries<any>(library).filter(([name, value]) => typeof value === 'function' && shapes.CLASSES.includes(name));
  for (const [name, type] of classes) {
    for (const call of Object.keys(shapes.CALLS)) {
      const [, owner, separator, method] = /^(\w+)([.#])(\w+)\(\)$/.exec(call) ?? [];
      if (owner !== name) continue;
      const holder = separator === '.' ? type : type.prototype;
      const original = holder[method];
      holder[method] = function (this: unknown, ...given: unknown[]) { return watched(call, given, (values) => original.apply(this, values)); };
    }
  }
  return {
    ...library,
    ...Object.fromEntries(classes.filter(([name]) => `new ${name}()` in shapes.CALLS).map(([name, type]) => [name, new Proxy(type, {
      construct: (target, given, from) => watched(`new ${name}()`, given, (values) => Reflect.construct(target, values, from)),
    })])),
  };
}

jest.doMock('../src', watchedLibrary);
/* eslint-disable @typescript-eslint/no-require-imports */
const { EVERY_CONSTRUCT, Shop }: typeof import('./support/every-construct') = require('./support/every-construct');
const { FURTHER }: typeof import('./support/further-calls') = require('./support/further-calls');
const { DURATIONS, NUMBERS }: typeof import('./support/ranges') = require('./support/ranges');
/* eslint-enable @typescript-eslint/no-require-imports */

type Scenario = (shop: InstanceType<typeof Shop>) => unknown;
const scenarios: readonly Scenario[] = [
  ...Object.values(EVERY_CONSTRUCT),
  ...Object.values({ ...NUMBERS, ...DURATIONS }).map(({ put, taken: [[low]] }): Scenario => (shop) => put(shop, low)),
  ...FURTHER,
];

/** Runs a scenario up to its manifests. */
function run(scenario: Scenario, changed?: typeof change): object[] {
  called = [];
  change = changed;
  try {
    const shop = new Shop();
    scenario(shop);
    within++; // what is rendered late is no call of theirs
    return Testing.synth(shop);
  } finally {
    within = 0;
    change = undefined;
  }
}

/** For each call a scenario that makes it, and where in that. */
const places = new Map<string, Called & { readonly scenario: Scenario; readonly at: number }>();
for (const scenario of scenarios) {
  try {
    run(scenario);
  } catch {
    // a scenario about what synthesis refuses has made its calls
  }
  called.forEach((each, at) => { if (!places.has(each.call)) places.set(each.call, { ...each, scenario, at }); });
}

test('every public call has a scenario', () => {
  const ours = Object.keys(shapes.CALLS).filter((call) => !call.startsWith('MeshValidation#'));
  expect(ours.filter((call) => !places.has(call))).toEqual([]);
  expect(Construct.isConstruct(new Shop())).toBe(true);
});

const ERROR = /^(\[[^\n]+?\] )?MESH_[A-Z0-9_]+: [^]+, got [^]*; [^]+$/;
const FINDING = /^\[[^\n]+?\] MESH_[A-Z0-9_]+: [^]+; [^]+$/;

/** What no API server takes: names that are none, numbers that JSON does not have. */
function spoiledParts(manifest: any): string[] {
  const { name, namespace = 'none', labels = {} } = manifest.metadata;
  const label = /^([a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?)?$/;
  const numbers = (value: unknown, path: string): string[] => {
    if (typeof value === 'number' && !Number.isFinite(value)) return [`${path}: ${value}`];
    return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, each]) => numbers(each, `${path}.${key}`)) : [];
  };
  return [
    ...(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name) ? [] : [`the name ${name}`]),
    ...(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace) ? [] : [`the namespace ${namespace}`]),
    ...Object.values<string>(labels).filter((value) => !label.test(value)).map((value) => `the label ${value}`),
    ...numbers(manifest, manifest.kind),
  ];
}

/** How many places a patch has is known where all is there: the Mesh that a chart has besides says so at synthesis. */
const PLACES = 'MESH_PATCH_PLACES';

let count = 0;

/** What is wrong with how a mutation is answered. */
function fault(call: string, mutation: Mutation): string | undefined {
  const { scenario, at, given, go } = places.get(call)!;
  const where = `${mutation.member} = ${told(mutation.value)}`;
  let manifests: object[] = [];
  try {
    // What no compiler lets pass is refused by the call itself, whatever comes before and after it.
    if (mutation.forbidden) go(mutated(call.startsWith('new ') ? [given[0], `again-${count++}`, ...given.slice(2)] : given, mutation));
    else manifests = run(scenario, { at, mutation });
  } catch (error) {
    const { message, name } = error as Error;
    const [head, ...lines] = message.split('\n');
    if (head === 'Validation failed with the following errors:') {
      const odd = lines.filter((line) => !FINDING.test(line.trim()));
      return odd.length > 0 ? `${where}: ${odd[0]}` : undefined;
    }
    return ERROR.test(message) ? undefined : `${where}: ${name}: ${message}`;
  }
  if (mutation.forbidden) return `${where} is taken`;
  const spoiled = manifests.flatMap((manifest) => spoiledParts(manifest));
  if (spoiled.length > 0) return `${where} renders ${spoiled[0]}`;
  const wrong = analyzeManifests(structuredClone(manifests) as never).filter(({ code, severity }) => severity === 'error' && code !== PLACES);
  return wrong.length > 0 ? `${where} renders what is wrong: ${wrong[0].code} ${wrong[0].message}` : undefined;
}

const seen = new Set<string>();
test.each([...places.keys()])('%s', (call) => {
  const fresh = mutationsOf(shapes, call, places.get(call)!.given).filter(({ member, value }) => {
    const own = member.startsWith(call) ? member : `${member}`;
    const key = `${own} ${told(value)}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
  expect(fresh.map((mutation) => fault(call, mutation)).filter((each) => each !== undefined)).toEqual([]);
});
