import type { DescMessage, JsonObject, MessageShape } from '@bufbuild/protobuf';
import { toJson } from '@bufbuild/protobuf';
import { registry } from '../../xds/registry';

/** What is true of one subject, by aspect: `timeout` → `3s`. */
export type Aspects = ReadonlyMap<string, string>;

/** What one message says: aspects by subject. Subjects keep the order in which Envoy looks at them. */
export type Facts = ReadonlyMap<string, Aspects>;

/** Fields that name things or serve telemetry, and change nothing of what happens to traffic. */
const SILENT: ReadonlySet<string> = new Set(['metadata', 'decorator', 'statPrefix', 'altStatName', 'name', 'accessLog', 'tracing', 'operation', 'sdsConfig', '@type']);

export function jsonOf<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonObject {
  return toJson(schema, message, { registry }) as JsonObject;
}

/** What Istio writes where a limit of Envoy is meant to be none. */
const UNLIMITED = 4294967295;

/** Text of a value that is the same for equal values, without what is silent. Names of members of lists stay: they say what is meant. */
export function textOfJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOfJson).join(', ')}]`;
  if (value === UNLIMITED) return 'unlimited';
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.entries(value).filter(([key]) => !SILENT.has(key) || (key === 'name' && 'value' in value)).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${key}: ${textOfJson(item)}`).join(', ')}}`;
}

/** Remaining members of an object as aspects of their own. */
export function restOf(value: JsonObject, done: ReadonlySet<string>, aspects: Map<string, string>): void {
  for (const key of Object.keys(value).sort()) {
    if (!done.has(key) && !SILENT.has(key)) aspects.set(key, textOfJson(value[key]));
  }
}

/** Names targets so that a subset which is only renamed stays the same. */
export type TargetName = (cluster: string) => string;
