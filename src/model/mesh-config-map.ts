import { parseDocument } from 'yaml';
import { MeshError } from './error';
import type { ResourceIndex } from './index-resources';
import { isObject, objectOf, objectsOf, textOf, textsOf } from './json';
import type { MeshConfig } from './mesh-config';
import { INSTALLED, parseMeshConfig } from './mesh-config';
import type { Resource } from './resource';
import { whereOf } from './resource';

/** Label of ConfigMaps with more MeshConfig, of the kind that istiod reads beside its own where SHARED_MESH_CONFIG names them. */
export const SHARED_MESH_CONFIG = 'cdk8s-mesh.dev/mesh-config';

type Raw = Readonly<Record<string, unknown>>;

/** The ConfigMap where an installation keeps its MeshConfig. */
export function installedMap(of: ResourceIndex): Resource | undefined {
  return of('ConfigMap').find(({ metadata }) => metadata.name === 'istio' && metadata.namespace === 'istio-system');
}

/** ConfigMaps that add to it. */
export function sharedMaps(of: ResourceIndex): readonly Resource[] {
  return of('ConfigMap').filter(({ metadata }) => metadata.labels[SHARED_MESH_CONFIG] === 'shared');
}

/** MeshConfig as istiod reads it: what is shared first, then that of the installation, which takes precedence. */
export function meshConfigOf(of: ResourceIndex): MeshConfig {
  const map = installedMap(of);
  const shared = sharedMaps(of);
  const own = (map && rawOf(map)) ?? INSTALLED;
  const place = map ?? shared[0];
  const parts: readonly Raw[] = [...shared.map(each => rawOf(each) ?? {}), own];
  return parseMeshConfig(parts.reduce(merged), place && whereOf(place, ['data', 'mesh']));
}

function rawOf(map: Resource): Raw | undefined {
  const mesh = yamlOf(map, 'mesh', 'a MeshConfig');
  const meshNetworks = yamlOf(map, 'meshNetworks', 'MeshNetworks');
  if (meshNetworks === undefined || Object.keys(objectOf(meshNetworks.networks)).length === 0) return mesh;
  return { ...mesh ?? INSTALLED, meshNetworks };
}

function yamlOf(map: Resource, key: string, what: string): Raw | undefined {
  const text = textOf(objectOf(map.document.data)[key]);
  if (text === undefined) return undefined;
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
  const value: unknown = document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  if (!isObject(value) && value !== null) {
    throw new MeshError('MESH_YAML_SYNTAX',
      `data.${key} of ConfigMap ${map.metadata.name} must be YAML of ${what}, got ${document.errors[0]?.message ?? 'another value'}; repair it`, whereOf(map, ['data', key]));
  }
  return objectOf(value);
}

/** Each field of `next` replaces that of `before`, but for those that istiod joins. */
function merged(before: Raw, next: Raw): Raw {
  const joined: Record<string, unknown> = { ...before, ...next };
  for (const field of ['defaultConfig', 'defaultProviders']) {
    if (before[field] !== undefined && next[field] !== undefined) joined[field] = { ...objectOf(before[field]), ...objectOf(next[field]) };
  }
  const providers = new Map([...objectsOf(before.extensionProviders), ...objectsOf(next.extensionProviders)].map(each => [each.name, each]));
  if (providers.size > 0) joined.extensionProviders = [...providers.values()];
  const aliases = new Set([...textsOf(before.trustDomainAliases), ...textsOf(next.trustDomainAliases)]);
  if (aliases.size > 0) joined.trustDomainAliases = [...aliases].sort();
  return joined;
}
