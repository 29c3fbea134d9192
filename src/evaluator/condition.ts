import type { HttpRequestFacts } from './decision';
import { contains, endsWith, exactly, matchesRegex, prepareStringMatcher, startsWith, type StringTest } from './string-matcher';
import { got } from './trace';
import type { HeaderMatcher, QueryParameterMatcher } from '../xds/gen/envoy/config/route/v3/route_components_pb';

/** One condition of a rule besides its path. */
export interface Condition {
  readonly test: (request: HttpRequestFacts) => boolean;
  /** What it asks for: `header end-user = "jason"`. */
  readonly wants: string;
  /** Why it failed: `header end-user ≠ "jason" (got "bob")`. */
  readonly explain: (request: HttpRequestFacts) => string;
}

type Read = (request: HttpRequestFacts) => string | undefined;

/** Reads a header as Envoy sees it: pseudo headers are headers, and `host` is `:authority`. */
export function headerReader(name: string): Read {
  switch (name.toLowerCase()) {
    case ':method': return request => request.method;
    case ':authority': case 'host': return request => request.authority;
    case ':path': return request => request.path;
    case ':scheme': return request => request.scheme;
    default: {
      const key = name.toLowerCase();
      return request => request.headers.get(key);
    }
  }
}

export function prepareHeaderMatcher(matcher: HeaderMatcher): Condition {
  const { name, headerMatchSpecifier: specifier, invertMatch: invert, treatMissingHeaderAsEmpty: orEmpty } = matcher;
  const read = headerReader(name);
  if (specifier.case === undefined || specifier.case === 'presentMatch') {
    return presence(name, read, (specifier.value ?? true) !== invert, orEmpty);
  }
  const value = specifier.case === 'rangeMatch' ? inRange(specifier.value.start, specifier.value.end) : stringTest(specifier);
  return {
    // A missing header never matches, not even an inverted matcher, unless it counts as empty.
    test: request => {
      const text = read(request) ?? (orEmpty ? '' : undefined);
      return text !== undefined && value.test(text) !== invert;
    },
    wants: `header ${name} ${invert ? value.fails : value.holds}`,
    explain: request => `header ${name} ${invert && read(request) !== undefined ? value.holds : value.fails} (${got(read(request))})`,
  };
}

function presence(name: string, read: Read, present: boolean, orEmpty: boolean): Condition {
  return {
    test: request => (orEmpty || read(request) !== undefined) === present,
    wants: `header ${name} is ${present ? 'present' : 'absent'}`,
    explain: request => `header ${name} is ${present ? 'absent' : `present (${got(read(request))})`}`,
  };
}

function stringTest(specifier: Exclude<HeaderMatcher['headerMatchSpecifier'], { case: undefined | 'presentMatch' | 'rangeMatch' }>): StringTest {
  switch (specifier.case) {
    case 'stringMatch': return prepareStringMatcher(specifier.value);
    case 'exactMatch': return exactly(specifier.value);
    case 'prefixMatch': return startsWith(specifier.value);
    case 'suffixMatch': return endsWith(specifier.value);
    case 'containsMatch': return contains(specifier.value);
    case 'safeRegexMatch': return matchesRegex(specifier.value);
  }
}

function inRange(start: bigint, end: bigint): StringTest {
  const range = `[${start}, ${end})`;
  return {
    test: text => /^[+-]?\d+$/.test(text) && BigInt(text) >= start && BigInt(text) < end,
    holds: `in ${range}`,
    fails: `not in ${range}`,
  };
}

export function prepareQueryMatcher(matcher: QueryParameterMatcher): Condition {
  const { name, queryParameterMatchSpecifier: specifier } = matcher;
  if (specifier.case === 'stringMatch') {
    const value = prepareStringMatcher(specifier.value);
    return {
      test: request => {
        const text = queryParameter(request.path, name);
        return text !== undefined && value.test(text);
      },
      wants: `query parameter ${name} ${value.holds}`,
      explain: request => `query parameter ${name} ${value.fails} (${got(queryParameter(request.path, name))})`,
    };
  }
  const present = specifier.value ?? true;
  return {
    test: request => (queryParameter(request.path, name) !== undefined) === present,
    wants: `query parameter ${name} is ${present ? 'present' : 'absent'}`,
    explain: request => `query parameter ${name} is ${present ? 'absent' : `present (${got(queryParameter(request.path, name))})`}`,
  };
}

/** First value of a query parameter, not decoded, as Envoy's parseQueryString has it. */
export function queryParameter(path: string, name: string): string | undefined {
  const question = path.indexOf('?');
  if (question < 0) return undefined;
  for (const parameter of path.slice(question + 1).split('&')) {
    const equal = parameter.indexOf('=');
    if ((equal < 0 ? parameter : parameter.slice(0, equal)) === name) return equal < 0 ? '' : parameter.slice(equal + 1);
  }
  return undefined;
}

/** A request whose local replies are translated to gRPC. */
export function isGrpc(request: HttpRequestFacts): boolean {
  const type = request.headers.get('content-type');
  return type !== undefined && type.startsWith('application/grpc') && (type.length === 16 || type[16] === '+' || type[16] === ';');
}

export const GRPC_ONLY: Condition = {
  test: isGrpc,
  wants: 'a gRPC request',
  explain: request => `content-type is not application/grpc (${got(request.headers.get('content-type'))})`,
};
