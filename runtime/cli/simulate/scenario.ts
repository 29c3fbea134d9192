import type { RequestSpec } from '../../../src/analysis/explain';
import type { Phase, Reaction, Verdict } from '../../../src/evaluator';
import { MeshError } from '../../../src/model/error';
import { didYouMean } from '../../../src/model/suggest';
import { readYaml, type Path, type YamlDocument } from '../../../src/model/yaml-documents';
import { UsageError } from '../usage-error';

/** One entry of a file. */
export type Step = Scenario | Change;

/** What happens between requests, on the clock. */
export interface Change {
  readonly where: string;
  /** What applications do from now on, by name. */
  readonly behave?: Readonly<Record<string, readonly Phase[]>>;
  /** Whether Pods are ready from now on, by name. */
  readonly ready?: Readonly<Record<string, boolean>>;
  /** Seconds that go by. */
  readonly advance?: number;
}

/** One request and what is expected of it. */
export interface Scenario {
  readonly name: string;
  readonly where: string;
  readonly spec: RequestSpec;
  readonly expect: Expectations;
  /** How many of them are sent at the same moment on the clock; absent where the request is not played. */
  readonly atOnce?: number;
}

/** What is expected of a request that is played. With several at once it holds for each of them. */
export interface AnswerExpectations {
  readonly status?: number;
  /** In any order; '' for none. */
  readonly flags?: string;
  readonly attempts?: number;
  readonly target?: string;
  /** Seconds. */
  readonly atLeast?: number;
  readonly within?: number;
  /** How many answers have each status. */
  readonly statuses?: Readonly<Record<string, number>>;
}

/** All that is named must hold. */
export interface Expectations {
  readonly outcome?: string;
  /** `reviews/v2`, `reviews`, `reviews.prod`, or a full host; every request reaches it. */
  readonly target?: string;
  readonly status?: number;
  readonly flag?: string;
  readonly details?: string;
  /** Percent by target; together all there is. */
  readonly distribution?: Readonly<Record<string, number>>;
  readonly redirect?: string;
  readonly rule?: string;
  /** Seconds; 0 for none. */
  readonly timeout?: number;
  readonly retries?: number;
  /** Percent by target. */
  readonly mirror?: Readonly<Record<string, number>>;
  /** As the target gets them. */
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the caller gets on the clock. */
  readonly answer?: AnswerExpectations;
}

type Json = Readonly<Record<string, unknown>>;

/** What a value must be, and how it is read. */
type Reader<T> = (value: unknown) => T | undefined;

const text: Reader<string> = value => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined);
const object: Reader<Json> = value => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : undefined);
const mapOf = <T>(reader: Reader<T>): Reader<Readonly<Record<string, T | undefined>>> => value => {
  const entries = Object.entries(object(value) ?? {}).map(([key, held]) => [key, reader(held)] as const);
  return object(value) === undefined || entries.some(([, held]) => held === undefined) ? undefined : Object.fromEntries(entries);
};
const within = (low: number, high: number): Reader<number> => value => (typeof value === 'number' && value >= low && value <= high ? value : undefined);
const whole = (low: number, high: number): Reader<number> => value => (Number.isInteger(value) ? within(low, high)(value) : undefined);
const oneOf = (...values: string[]): Reader<string> => value => (typeof value === 'string' && values.includes(value) ? value : undefined);
const seconds: Reader<number> = value => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(typeof value === 'string' ? value : '') ?? [];
  return amount === undefined ? undefined : Number(amount) * { ms: 0.001, s: 1, m: 60, h: 3600 }[unit as 's'];
};
const time: Reader<number> = value => {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.floor(at / 1000);
};

/** `GET http://reviews:9080/`; the method may be left out. */
const request: Reader<{ method: string; url: string }> = value => {
  const match = typeof value === 'string' ? /^(?:([A-Za-z-]+)\s+)?(https?:\/\/\S+)$/.exec(value) : null;
  return match === null ? undefined : { method: (match[1] ?? 'GET').toUpperCase(), url: match[2]! };
};

const REACTIONS: Readonly<Record<string, Reaction>> = {
  hang: { kind: 'hang' }, refuse: { kind: 'refuse' }, unreachable: { kind: 'unreachable' }, reset: { kind: 'reset', takesMs: 0 },
};

/** `503`, `hang`, or a map: `{does: 503, takes: 30ms, times: 2, until: 10s, then: 200}`. */
const behaviour: Reader<readonly Phase[]> = value => {
  const { does, takes, times, until, then, ...rest } = object(value) ?? { does: value };
  const takesMs = takes === undefined ? 0 : inMilliseconds(takes);
  const known = typeof does === 'string' && Object.hasOwn(REACTIONS, does) ? REACTIONS[does] : undefined;
  const status = whole(200, 599)(does);
  const reaction: Reaction | undefined = status === undefined ? known : { kind: 'answer', status, takesMs: takesMs ?? 0, headers: {} };
  const requests = times === undefined ? undefined : whole(1, 1_000_000)(times);
  const untilMs = until === undefined ? undefined : inMilliseconds(until);
  const next = then === undefined ? [] : behaviour(then);
  const bad = Object.keys(rest).length > 0 || reaction === undefined || takesMs === undefined || next === undefined
    || (times !== undefined && requests === undefined) || (until !== undefined && untilMs === undefined);
  if (bad) return undefined;
  const timed = reaction.kind === 'reset' ? { ...reaction, takesMs } : reaction;
  return [{ reaction: timed, ...(requests !== undefined && { requests }), ...(untilMs !== undefined && { untilMs }) }, ...next];
};
const inMilliseconds = (value: unknown): number | undefined => {
  const length = seconds(value);
  return length === undefined ? undefined : Math.round(length * 1000);
};
const namesOf: Reader<readonly string[]> = value => {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.every(item => typeof item === 'string') ? list as string[] : undefined;
};
const flag: Reader<boolean> = value => (typeof value === 'boolean' ? value : undefined);

/** `403`, `unavailable`, or a map of status, headers and body. */
const verdict: Reader<number | Verdict> = value => {
  if (value === 'unavailable') return { kind: 'unavailable' };
  const { status = value, headers = {}, body = '', ...rest } = object(value) ?? {};
  const code = whole(100, 599)(status);
  const given = mapOf(text)(headers) as Readonly<Record<string, string>> | undefined;
  if (code === undefined || given === undefined || typeof body !== 'string' || Object.keys(rest).length > 0) return undefined;
  if (object(value) === undefined) return code;
  return code === 200 ? { kind: 'allow', headers: given } : { kind: 'deny', status: code, headers: given, body };
};

type Fields = Readonly<Record<string, readonly [reader: Reader<unknown>, form: string]>>;

const CHANGE: Fields = {
  behave: [mapOf(behaviour), 'a map of names and what each does: a status, hang, reset, refuse, unreachable, or {does, takes, times, until, then}'],
  ready: [mapOf(flag), 'a map of names and true or false'],
  advance: [seconds, 'a duration such as 30s'],
};
const REQUEST: Fields = {
  name: [text, 'a text'],
  from: [text, 'WORKLOAD, gateway:NAME or outside'],
  namespace: [text, 'a namespace'],
  request: [request, '[METHOD] URL, such as GET http://reviews:9080/'],
  headers: [mapOf(text), 'a map of names and values'],
  claims: [object, 'a map of claims'],
  at: [time, 'a time such as 2030-01-01T00:00:00Z'],
  address: [text, 'an IP address'],
  externalAuthorizer: [verdict, 'an HTTP status, unavailable, or a map of status, headers and body'],
  sni: [text, 'a server name'],
  clientCertificate: [namesOf, 'a name in the certificate, or a list of them'],
  atOnce: [whole(1, 1_000_000), 'a number of requests'],
  expect: [object, 'a map of expectations'],
};
const EXPECT: Fields = {
  outcome: [oneOf('routed', 'redirected', 'answered', 'denied', 'failed'), 'routed, redirected, answered, denied or failed'],
  target: [text, 'HOST or HOST/SUBSET'],
  status: [whole(100, 599), 'an HTTP status'],
  flag: [text, 'a response flag of Envoy\'s, such as NR'],
  details: [text, 'response code details of Envoy\'s'],
  distribution: [mapOf(within(0, 100)), 'a map of targets and their percent, 0 to 100'],
  redirect: [text, 'a URL'],
  rule: [text, 'the name of a rule'],
  timeout: [seconds, 'a duration such as 10s, 0s for none'],
  retries: [whole(0, 1000), 'a whole number from 0'],
  mirror: [mapOf(within(0, 100)), 'a map of targets and their percent, 0 to 100'],
  path: [text, 'a path'],
  host: [text, 'a host'],
  headers: [mapOf(text), 'a map of names and values'],
  answer: [object, 'a map of expectations'],
};
const ANSWER: Fields = {
  status: [whole(100, 599), 'an HTTP status'],
  flags: [text, 'response flags of Envoy\'s, such as URX,UF, or empty text for none'],
  attempts: [whole(0, 1000), 'a whole number from 0'],
  target: [text, 'HOST or HOST/SUBSET'],
  atLeast: [seconds, 'a duration such as 2s'],
  within: [seconds, 'a duration such as 10s'],
  statuses: [mapOf(whole(0, 1_000_000)), 'a map of statuses and how many answers have each'],
};

/** The scenarios of a file: a list, or an object whose `requests` is one. Throws a `UsageError` with all that is wrong, by file and line. */
export function readScenarios(content: string, file: string): Step[] {
  const errors: MeshError[] = [];
  const scenarios = readYaml(content).flatMap(document => ofDocument(document, file, errors));
  if (errors.length === 0 && scenarios.length === 0) errors.push(invalid(file, 'a file must hold a list of requests, got none; write `- request: GET http://HOST/`'));
  if (errors.length > 0) throw new UsageError(errors.map(({ message }) => message).join('\n'));
  return scenarios;
}

function invalid(where: string, message: string): MeshError {
  return new MeshError('MESH_SCENARIO_INVALID', message, where);
}

function ofDocument(document: YamlDocument, file: string, errors: MeshError[]): Step[] {
  const at = (path: Path): string => `${file}:${document.lineOf(path) ?? 1}`;
  const { value, fault } = document;
  if (fault !== undefined) {
    const line = fault.line === undefined ? file : `${file}:${fault.line}`;
    errors.push(new MeshError('MESH_YAML_SYNTAX', fault.kind === 'syntax' ? fault.message : 'a document must be plain YAML, got one that repeats keys or nests too deeply; simplify it', line));
    return [];
  }
  if (value === undefined || value === null) return [];
  const wrapped = object(value);
  const list = wrapped === undefined ? value : wrapped.requests;
  const base: Path = wrapped === undefined ? [] : ['requests'];
  if (!Array.isArray(list)) {
    errors.push(invalid(at([]), 'a file must hold a list of requests, or `requests:` with one; write `- request: GET http://HOST/`'));
    return [];
  }
  return list.flatMap((entry: unknown, i) => scenario(entry, [...base, i], at, errors));
}

function scenario(entry: unknown, path: Path, at: (path: Path) => string, errors: MeshError[]): Step[] {
  const known = errors.length;
  if (Object.keys(object(entry) ?? {}).some(key => Object.hasOwn(CHANGE, key))) {
    const change = read(entry, CHANGE, path, at, errors);
    return errors.length > known ? [] : [{ where: at(path), ...change }];
  }
  const fields = read(entry, REQUEST, path, at, errors);
  const { answer, ...others } = read(fields.expect ?? {}, EXPECT, [...path, 'expect'], at, errors);
  const answered = answer === undefined ? undefined : read(answer, ANSWER, [...path, 'expect', 'answer'], at, errors) as AnswerExpectations;
  const expected: Expectations = { ...others, ...(answered && { answer: answered }) };
  const sent = fields.request as { method: string; url: string } | undefined;
  if (sent === undefined && errors.length === known) errors.push(invalid(at(path), 'an entry must have a request, got none; write `request: GET http://HOST/`'));
  if (errors.length > known || sent === undefined) return [];
  const { name, from = 'outside', namespace, headers, claims, at: now, address, externalAuthorizer, sni, clientCertificate, atOnce } = fields as {
    readonly name?: string;
    readonly from?: string;
    readonly namespace?: string;
    readonly headers?: Record<string, string>;
    readonly claims?: Json;
    readonly at?: number;
    readonly address?: string;
    readonly externalAuthorizer?: number | Verdict;
    readonly sni?: string;
    readonly clientCertificate?: readonly string[];
    readonly atOnce?: number;
  };
  const tls = { ...(sni !== undefined && { sni }), ...(clientCertificate !== undefined && { certificate: true, names: clientCertificate }) };
  const spec: RequestSpec = {
    ...sent,
    from,
    ...(namespace !== undefined && { namespace }),
    ...(headers !== undefined && { headers }),
    ...(claims !== undefined && { claims }),
    ...(now !== undefined && { now }),
    ...(address !== undefined && { sourceAddress: address }),
    ...(externalAuthorizer !== undefined && { authorizer: externalAuthorizer }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
  const played = atOnce !== undefined || answered !== undefined;
  return [{ name: name ?? `${sent.method} ${sent.url}`, where: at(path), spec, expect: expected, ...(played && { atOnce: atOnce ?? 1 }) }];
}

function read(value: unknown, fields: Fields, path: Path, at: (path: Path) => string, errors: MeshError[]): Record<string, unknown> {
  const map = object(value);
  if (map === undefined) {
    errors.push(invalid(at(path), `an entry must be a map, got ${JSON.stringify(value) ?? 'nothing'}; write \`- request: GET http://HOST/\``));
    return {};
  }
  const out: Record<string, unknown> = {};
  for (const [key, held] of Object.entries(map)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    const result = field?.[0](held);
    if (field === undefined) {
      const near = didYouMean(key, Object.keys(fields));
      errors.push(invalid(at([...path, key]), `a field must be one of ${Object.keys(fields).join(', ')}, got ${key}; ${near === '' ? 'remove it' : near}`));
    } else if (result === undefined) {
      errors.push(invalid(at([...path, key]), `${key} must be ${field[1]}, got ${JSON.stringify(held)}; correct it`));
    } else {
      out[key] = result;
    }
  }
  return out;
}
