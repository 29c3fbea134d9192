import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import type { DescMessage, JsonValue, MessageShape } from '@bufbuild/protobuf';
import { fromJson } from '@bufbuild/protobuf';
import type { ProxyResources } from '../../src/evaluator';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

const ROOT = join(__dirname, '..', '..', '..', 'shared', 'data', 'istiod-golden');

/** Whether the reference output of a real istiod is at hand. */
export const goldenAt = existsSync(ROOT);

/** What a real istiod sent to a proxy: base's resources with the scenario's over them. */
export function golden(scenario: string, proxy: string): ProxyResources {
  return {
    listeners: merged(scenario, proxy, 'lds', ListenerSchema, 'name'),
    clusters: merged(scenario, proxy, 'cds', ClusterSchema, 'name'),
    routes: merged(scenario, proxy, 'rds', RouteConfigurationSchema, 'name'),
    endpoints: merged(scenario, proxy, 'eds', ClusterLoadAssignmentSchema, 'clusterName'),
  };
}

function merged<D extends DescMessage>(scenario: string, proxy: string, type: string, schema: D, key: string): MessageShape<D>[] {
  const own = read(scenario, `${proxy}.${type}.json`);
  const base = scenario === 'base' ? [] : read('base', `${baseOf(scenario, proxy)}.${type}.json`);
  const removed = new Set(scenario === 'base' ? [] : removedNames(scenario, proxy, type));
  const names = new Set(own.map(resource => resource[key]));
  const all = [...base.filter(resource => !names.has(resource[key]) && !removed.has(resource[key] as string)), ...own];
  return all.map(({ '@type': _type, ...json }) => fromJson(schema, json as JsonValue, { registry, ignoreUnknownFields: true }));
}

function read(scenario: string, file: string): Record<string, unknown>[] {
  const path = join(ROOT, scenario, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>[] : [];
}

function unchanged(scenario: string, proxy: string): string[] {
  return readFileSync(join(ROOT, scenario, `${proxy}.unchanged.txt`), 'utf8').split('\n');
}

function baseOf(scenario: string, proxy: string): string {
  return unchanged(scenario, proxy)[0]!.replace(/^compared with base\//, '').split(' ')[0]!;
}

function removedNames(scenario: string, proxy: string, type: string): string[] {
  let section = '';
  return unchanged(scenario, proxy).flatMap(line => {
    const head = /^(\w+):/.exec(line);
    if (head) section = head[1]!;
    return section === type && line.startsWith('  - ') ? [line.slice(4)] : [];
  });
}
