import type { Json } from '../../../src/model/json';
import { isObject, objectOf, objectsOf } from '../../../src/model/json';
import { UsageError } from '../usage-error';

/** What one proxy has, as plain lowerCamelCase objects: the active resources of a config dump, dynamic before static. */
export interface ProxyDump {
  readonly clusters: readonly Json[];
  readonly listeners: readonly Json[];
  readonly routes: readonly Json[];
  readonly endpoints: readonly Json[];
  /** Configurations of filters that came by ECDS. */
  readonly extensions: readonly Json[];
  /** Of Envoy's admin `/clusters?format=json`, which knows health as it is now. */
  readonly clusterStatuses: readonly Json[];
  /** Those in use, then those that are awaited. */
  readonly secrets: readonly { readonly state: 'ACTIVE' | 'WARMING'; readonly entry: Json }[];
  readonly bootstrap: Json;
}

/** Reads what Envoy's admin prints at `/config_dump` or `/clusters?format=json`, in either spelling of field names. */
export function readDump(text: string, file: string): ProxyDump {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`[${file}] MESH_DUMP_INVALID: a config dump is JSON, got: ${(error as Error).message}; save the output of /config_dump`);
  }
  const dump = objectOf(camelCase(parsed));
  if (!Array.isArray(dump.configs) && !Array.isArray(dump.clusterStatuses)) {
    throw new UsageError(`[${file}] MESH_DUMP_INVALID: a config dump has configs or clusterStatuses, got ${Object.keys(dump).join(', ') || 'neither'}; `
      + 'save the output of /config_dump or /clusters?format=json');
  }
  const section = (name: string) => objectsOf(dump.configs).filter(config => String(config['@type']).endsWith(`.${name}`));
  const pick = (config: Json, list: string, ...path: string[]) => objectsOf(config[list])
    .map(entry => path.reduce<unknown>((value, key) => objectOf(value)[key], entry)).filter(isObject);
  return {
    clusters: section('ClustersConfigDump').flatMap(config => [...pick(config, 'dynamicActiveClusters', 'cluster'), ...pick(config, 'staticClusters', 'cluster')]),
    listeners: section('ListenersConfigDump').flatMap(config => [
      ...pick(config, 'dynamicListeners', 'activeState', 'listener'), ...pick(config, 'staticListeners', 'listener'),
    ]),
    routes: section('RoutesConfigDump').flatMap(config => [
      ...pick(config, 'dynamicRouteConfigs', 'routeConfig'), ...pick(config, 'staticRouteConfigs', 'routeConfig'),
    ]),
    endpoints: section('EndpointsConfigDump').flatMap(config => [
      ...pick(config, 'dynamicEndpointConfigs', 'endpointConfig'), ...pick(config, 'staticEndpointConfigs', 'endpointConfig'),
    ]),
    extensions: section('EcdsConfigDump').flatMap(config => pick(config, 'ecdsFilters', 'ecdsFilter')),
    clusterStatuses: objectsOf(dump.clusterStatuses),
    secrets: section('SecretsConfigDump').flatMap(config => [
      ...[...objectsOf(config.staticSecrets), ...objectsOf(config.dynamicActiveSecrets)].map(entry => ({ state: 'ACTIVE' as const, entry })),
      ...objectsOf(config.dynamicWarmingSecrets).map(entry => ({ state: 'WARMING' as const, entry })),
    ]),
    bootstrap: Object.fromEntries(section('BootstrapConfigDump').flatMap(config => Object.entries(config).filter(([key]) => key !== '@type'))),
  };
}

/** Envoy writes proto field names (`virtual_hosts`), canonical JSON `virtualHosts`; both mean the same. */
function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [
    /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(key) ? key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) : key, camelCase(item),
  ]));
}
