import { isObject } from '../../../src/model/json';
import { readYaml } from '../../../src/model/yaml-documents';

/** Why a file that was found below a folder is no manifest; nobody named it, so it is no fault. */
export type Foreign = 'other' | 'template';

const MENTIONS_KIND = /(?:^|[{,\s])["']?(?:kind|metadata)["']?\s*:/;

/** An action of a template at the beginning of a line or of a value: quoted ones are text of manifests. */
const ACTION = /^[^\n"'#]*\{\{/m;

/** Whether a file is something else than Kubernetes manifests: settings of another program, or a template that was not rendered. */
export function foreignKind(path: string, text: string): Foreign | undefined {
  if (text.trim() === '') return undefined;
  if (!MENTIONS_KIND.test(text)) return 'other';
  if (path.endsWith('.json')) return isManifestJson(text) ? undefined : 'other';
  if (ACTION.test(text) && readYaml(text).some(({ fault, value }) => fault !== undefined || hasStrangeKey(value))) return 'template';
  return undefined;
}

/** JSON of other programs has `kind` somewhere, and seldom `apiVersion` beside it. What cannot be read says nothing of itself. */
function isManifestJson(text: string): boolean {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) && typeof value.kind === 'string' && typeof value.apiVersion === 'string';
  } catch {
    return /"apiVersion"\s*:/.test(text);
  }
}

/** `{{ .Values.name }}` is, to YAML, an object whose key is an object. */
function hasStrangeKey(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasStrangeKey);
  return isObject(value) && Object.entries(value).some(([key, item]) => /^\{ ?[.$(a-z]|^\[object Object\]$/.test(key) || hasStrangeKey(item));
}
