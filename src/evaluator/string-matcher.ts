import { fullMatch, type TextTest } from './regex';
import { quote } from './trace';
import type { RegexMatcher } from '../xds/gen/envoy/type/matcher/v3/regex_pb';
import type { StringMatcher } from '../xds/gen/envoy/type/matcher/v3/string_pb';

/** A prepared envoy.type.matcher.v3.StringMatcher. */
export interface StringTest {
  readonly test: TextTest;
  /** `= "jason"`, `starts with "ja"`. */
  readonly holds: string;
  /** `≠ "jason"`, `does not start with "ja"`. */
  readonly fails: string;
}

export function prepareStringMatcher(matcher: StringMatcher): StringTest {
  const { matchPattern, ignoreCase } = matcher;
  switch (matchPattern.case) {
    case 'exact': return exactly(matchPattern.value, ignoreCase);
    case 'prefix': return startsWith(matchPattern.value, ignoreCase);
    case 'suffix': return endsWith(matchPattern.value, ignoreCase);
    case 'contains': return contains(matchPattern.value, ignoreCase);
    // Envoy ignores ignore_case for regular expressions.
    case 'safeRegex': return matchesRegex(matchPattern.value);
    default: throw new Error(`string matcher ${matchPattern.case ?? 'without a pattern'} is not supported`);
  }
}

export function exactly(wanted: string, ignoreCase = false): StringTest {
  const said = words('=', '≠', wanted, ignoreCase);
  const folded = wanted.toLowerCase();
  return { ...said, test: ignoreCase ? text => text.toLowerCase() === folded : text => text === wanted };
}

export function startsWith(wanted: string, ignoreCase = false): StringTest {
  const said = words('starts with', 'does not start with', wanted, ignoreCase);
  const folded = wanted.toLowerCase();
  return { ...said, test: ignoreCase ? text => text.toLowerCase().startsWith(folded) : text => text.startsWith(wanted) };
}

export function endsWith(wanted: string, ignoreCase = false): StringTest {
  const said = words('ends with', 'does not end with', wanted, ignoreCase);
  const folded = wanted.toLowerCase();
  return { ...said, test: ignoreCase ? text => text.toLowerCase().endsWith(folded) : text => text.endsWith(wanted) };
}

export function contains(wanted: string, ignoreCase = false): StringTest {
  const said = words('contains', 'does not contain', wanted, ignoreCase);
  const folded = wanted.toLowerCase();
  return { ...said, test: ignoreCase ? text => text.toLowerCase().includes(folded) : text => text.includes(wanted) };
}

export function matchesRegex(matcher: RegexMatcher): StringTest {
  return { ...words('matches regex', 'does not match regex', matcher.regex, false), test: fullMatch(matcher.regex) };
}

function words(holds: string, fails: string, wanted: string, ignoreCase: boolean): Pick<StringTest, 'holds' | 'fails'> {
  const value = ignoreCase ? `${quote(wanted)} (case ignored)` : quote(wanted);
  return { holds: `${holds} ${value}`, fails: `${fails} ${value}` };
}
