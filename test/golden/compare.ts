import { toJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf';
import type { GoldenProxy, XdsJson, XdsType } from './load';
import type { CompiledProxy } from '../../src/compiler/compiled-proxy';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { NameTableSchema } from '../../src/xds/gen/istio/networking/nds/v1/nds_pb';
import { registry } from '../../src/xds/registry';

/** Compares what the compiler makes with what istiod sent, in meaning: order counts only where Istio's order does. */

/** What a compiled proxy is sent, as canonical JSON. */
export function compiledJson(compiled: CompiledProxy): Readonly<Record<XdsType | 'ecds' | 'nds', readonly XdsJson[]>> {
  const json = <D extends DescMessage>(schema: D, messages: readonly MessageShape<D>[]): XdsJson[] => (
    messages.map(message => ({ '@type': `type.googleapis.com/${schema.typeName}`, ...toJson(schema, message, { registry }) as object })));
  return {
    lds: json(ListenerSchema, compiled.listeners),
    rds: json(RouteConfigurationSchema, compiled.routes),
    cds: json(ClusterSchema, compiled.clusters),
    eds: json(ClusterLoadAssignmentSchema, compiled.endpoints),
    ecds: json(TypedExtensionConfigSchema, compiled.extensions ?? []),
    nds: compiled.names === undefined ? [] : json(NameTableSchema, [compiled.names()]),
  };
}

/** All differences of one proxy, each as `TYPE NAME PATH: expected …, got …`. */
export function differences({ expected }: Pick<GoldenProxy, 'expected'>, compiled: CompiledProxy): string[] {
  const ours = compiledJson(compiled);
  return (Object.keys(expected) as XdsType[]).flatMap(type => compareType(type, expected[type], ours[type]));
}

function compareType(type: XdsType, expected: readonly XdsJson[], actual: readonly XdsJson[]): string[] {
  const [theirs, ours] = [byName(expected), byName(actual)];
  const found: string[] = [];
  if (ours.size !== actual.length) found.push(`${type}: ${actual.length - ours.size} resources have a name that another has`);
  for (const name of theirs.keys()) if (!ours.has(name)) found.push(`${type} ${name}: missing`);
  for (const name of ours.keys()) if (!theirs.has(name)) found.push(`${type} ${name}: not sent by istiod`);
  for (const [name, resource] of theirs) {
    const own = ours.get(name);
    if (own !== undefined) found.push(...diff(`${type} ${name} `, canonical(resource as JsonValue, ''), canonical(own as JsonValue, '')));
  }
  const order = orderOf(type, expected);
  const ownOrder = orderOf(type, actual);
  if (found.every(text => !/: (missing|not sent by istiod)$/.test(text)) && order.join() !== ownOrder.join()) {
    found.push(`${type}: order expected ${order.join(', ')}, got ${ownOrder.join(', ')}`);
  }
  return found;
}

const nameOf = (resource: XdsJson): string => String(resource.name ?? resource.clusterName);

const byName = (resources: readonly XdsJson[]): Map<string, XdsJson> => new Map(resources.map(resource => [nameOf(resource), resource]));

/** Names whose order means something: outbound clusters, and the virtual listeners at the end. */
function orderOf(type: XdsType, resources: readonly XdsJson[]): string[] {
  const names = resources.map(nameOf);
  if (type === 'cds') return names.filter(name => !name.startsWith('inbound|'));
  if (type === 'lds') return names.slice(-2).filter(name => name.startsWith('virtual'));
  return [];
}

/** Lists that istiod writes in no defined order are sorted. */
function canonical(value: JsonValue, key: string): JsonValue {
  if (Array.isArray(value)) {
    const items = value.map(item => canonical(item, ''));
    return key === 'queryParameters' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, canonical(item, name)]));
}

function diff(path: string, expected: JsonValue | undefined, actual: JsonValue | undefined): string[] {
  if (expected === undefined || actual === undefined) return expected === actual ? [] : [line(path, expected, actual)];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const found: string[] = [];
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
      found.push(...diff(`${path}[${labelOf(expected[index] ?? actual[index], index)}]`, expected[index], actual[index]));
    }
    return found;
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort();
    return keys.flatMap(key => diff(`${path}.${key}`, expected[key], actual[key]));
  }
  return expected === actual ? [] : [line(path, expected, actual)];
}

/** Lists of named things are easier to read by name. */
function labelOf(item: JsonValue | undefined, index: number): string {
  return isObject(item) && typeof item.name === 'string' && item.name !== '' ? `${index} ${item.name}` : String(index);
}

const isObject = (value: JsonValue | undefined): value is Record<string, JsonValue> => typeof value === 'object' && value !== null && !Array.isArray(value);

function line(path: string, expected: JsonValue | undefined, actual: JsonValue | undefined): string {
  const text = (value: JsonValue | undefined): string => {
    const json = value === undefined ? 'nothing' : JSON.stringify(value);
    return json.length > 400 ? `${json.slice(0, 400)}…` : json;
  };
  return `${path}: expected ${text(expected)}, got ${text(actual)}`;
}
