import type { MetadataMatcher } from '../../xds/gen/envoy/type/matcher/v3/metadata_pb';
import type { DoubleMatcher } from '../../xds/gen/envoy/type/matcher/v3/number_pb';
import type { ValueMatcher } from '../../xds/gen/envoy/type/matcher/v3/value_pb';
import type { Metadata, MetadataValue } from '../decision';
import { prepareStringMatcher } from '../string-matcher';

/** A condition on what filters left, of a request as well as of an access rule. */
interface MetadataTest {
  readonly test: (of: { readonly metadata?: Metadata }) => boolean;
  readonly wants: string;
  readonly explain: (of: { readonly metadata?: Metadata }) => string;
}

interface ValueTest {
  readonly test: (value: MetadataValue | undefined) => boolean;
  readonly holds: string;
}

/** A value that filters before this one left: a claim of the token, the policy that asks for an external authorizer. */
export function prepareMetadataMatcher({ filter, path, value, invert }: MetadataMatcher): MetadataTest {
  const keys = path.map(({ segment }) => segment.value ?? '');
  const wanted = prepareValue(value);
  const name = nameOf(filter, keys);
  const read = ({ metadata }: { readonly metadata?: Metadata }): MetadataValue | undefined =>
    keys.reduce<MetadataValue | undefined>(member, metadata?.[filter]);
  const wants = `${invert ? 'not ' : ''}${name} ${wanted.holds}`;
  return {
    test: facts => wanted.test(read(facts)) !== invert,
    wants,
    explain: facts => {
      const found = read(facts);
      return `${name} ${invert ? '' : 'not '}${wanted.holds} (${found === undefined ? 'absent' : `got ${JSON.stringify(found)}`})`;
    },
  };
}

function nameOf(filter: string, keys: readonly string[]): string {
  return filter === 'envoy.filters.http.jwt_authn' && keys[0] === 'payload' ? `claim ${keys.slice(1).join('.')}` : `metadata ${filter}[${keys.join('][')}]`;
}

function member(value: MetadataValue | undefined, key: string): MetadataValue | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, MetadataValue>>)[key] : undefined;
}

function prepareValue(matcher: ValueMatcher | undefined): ValueTest {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case 'stringMatch': {
      const text = prepareStringMatcher(pattern.value);
      return { test: value => typeof value === 'string' && text.test(value), holds: text.holds };
    }
    case 'nullMatch': return { test: value => value === null, holds: 'is null' };
    case 'boolMatch': return { test: value => value === pattern.value, holds: `is ${pattern.value}` };
    // Envoy's `present_match: false` never holds.
    case 'presentMatch': return { test: value => pattern.value && value !== undefined, holds: pattern.value ? 'is present' : 'is what nothing can be' };
    case 'doubleMatch': return prepareNumber(pattern.value);
    case 'listMatch': {
      const { matchPattern: list } = pattern.value;
      const one = prepareValue(list.case === 'oneOf' ? list.value : undefined);
      return { test: value => Array.isArray(value) && value.some(one.test), holds: `has a member that ${one.holds}` };
    }
    case 'orMatch': {
      const parts = pattern.value.valueMatchers.map(prepareValue);
      return { test: value => parts.some(part => part.test(value)), holds: parts.map(({ holds }) => holds).join(' or ') };
    }
    default: throw new Error('a metadata matcher without a value is not supported');
  }
}

function prepareNumber({ matchPattern: pattern }: DoubleMatcher): ValueTest {
  if (pattern.case === 'range') {
    const { start, end } = pattern.value;
    return { test: value => typeof value === 'number' && value >= start && value < end, holds: `in [${start}, ${end})` };
  }
  return { test: value => value === (pattern.value ?? 0), holds: `= ${pattern.value ?? 0}` };
}
