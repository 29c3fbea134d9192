import { create } from '@bufbuild/protobuf';
import { compare } from '../../model/resource';
import { HeaderValueOption_HeaderAppendAction, HeaderValueOptionSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { HeaderValueOption } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { UNCHANGED_HEADERS } from '../../xds/literals';
import type { HeaderFields } from '../../xds/literals';
import type { HeaderOperations, Headers } from '../istio-api';

/** Header operations of a rule or of one destination. */
export interface HeaderChanges {
  readonly fields: HeaderFields;
  /** From `host` or `:authority` among the request headers. */
  readonly authority?: string;
}

/** Changes of a rule, then of its only destination; the rule's host beats the destination's. */
export function headerChanges(...levels: readonly (Headers | undefined)[]): HeaderChanges {
  if (levels.every(level => level === undefined)) return NO_CHANGES;
  const requests = levels.map(level => level?.request);
  const responses = levels.map(level => level?.response);
  return {
    fields: {
      requestHeadersToAdd: requests.flatMap(additions),
      requestHeadersToRemove: requests.flatMap(removals),
      responseHeadersToAdd: responses.flatMap(additions),
      responseHeadersToRemove: responses.flatMap(removals),
    },
    authority: requests.map(operations => authorityOf(operations?.set) || authorityOf(operations?.add)).find(name => name !== undefined && name !== ''),
  };
}

const NO_CHANGES: HeaderChanges = { fields: UNCHANGED_HEADERS };

/** Pseudo headers cannot be added; the host has a field of its own. */
const isPlain = (name: string): boolean => !name.startsWith(':') && name.toLowerCase() !== 'host';

function additions(operations: HeaderOperations | undefined): HeaderValueOption[] {
  const group = (values: Readonly<Record<string, string>> | undefined, appendAction: HeaderValueOption_HeaderAppendAction): HeaderValueOption[] => (
    Object.entries(values ?? {}).filter(([key]) => isPlain(key)).sort(([a], [b]) => compare(a, b))
      .map(([key, value]) => create(HeaderValueOptionSchema, { header: { key, value }, appendAction })));
  return [
    ...group(operations?.set, HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD),
    ...group(operations?.add, HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD),
  ];
}

const removals = (operations: HeaderOperations | undefined): string[] => (operations?.remove ?? []).filter(isPlain);

function authorityOf(values: Readonly<Record<string, string>> | undefined): string | undefined {
  const names = Object.keys(values ?? {}).filter(name => ['host', ':authority'].includes(name.toLowerCase())).sort(compare);
  return names.length === 0 ? undefined : values?.[names[names.length - 1]];
}
