import type { Mesh } from './mesh';
import { isObject, objectOf } from '../model/json';
import type { Json } from '../model/json';
import type { Proxy } from '../model/proxy';

/** ProxyConfig of one proxy: what its node says of itself (the Pod's annotation) over the mesh's `defaultConfig`, field by field. */
export function proxyConfigOf(mesh: Mesh, { metadata }: Pick<Proxy, 'metadata'>): Json {
  return { ...objectOf(mesh.model.config.raw.defaultConfig), ...ownConfig(metadata.PROXY_CONFIG) };
}

/** Node metadata carries it as an object, or as its JSON. */
function ownConfig(value: unknown): Json {
  if (typeof value !== 'string') return objectOf(value);
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
