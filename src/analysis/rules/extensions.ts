import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { policyTargetRules, quote, selectorRules } from './common';
import type { TargetRef } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isPort, urlScheme } from './predicates';

interface Wasm {
  readonly url?: string;
  readonly sha256?: string;
  readonly imagePullSecret?: string;
  readonly pluginName?: string;
  readonly vmConfig?: { readonly env?: readonly { readonly name?: string; readonly value?: string; readonly valueFrom?: string }[] };
}

interface Targeted {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
  readonly match?: readonly { readonly ports?: readonly { readonly number?: number }[] }[];
}

interface ProxyConfigSpec { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } }

/** istio-validation §1.10: WasmPlugin, TrafficExtension, ProxyConfig. */
export function extensionRules(context: Context): void {
  for (const resource of context.sound<Targeted & Wasm>('WasmPlugin')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    targeted(at, spec);
    wasmRules(at, spec, ['spec']);
  }
  for (const resource of context.sound<Targeted & { wasm?: Wasm; lua?: { inlineCode?: string } }>('TrafficExtension')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    targeted(at, spec);
    if (spec.wasm === undefined && spec.lua === undefined) at.invalid(['spec'], 'MESH_FIELD_REQUIRED', 'a TrafficExtension has wasm or lua, got neither', 'add one of them');
    if (spec.wasm !== undefined) wasmRules(at, spec.wasm, ['spec', 'wasm']);
    const code = spec.lua?.inlineCode;
    const size = code === undefined ? 1 : new TextEncoder().encode(code).length;
    if (size < 1 || size > 65536) at.invalid(['spec', 'lua', 'inlineCode'], 'MESH_LIMIT_INVALID', `inlineCode has from 1 to 65536 bytes, got ${size}`, 'shorten it, or use wasm');
  }
  for (const resource of context.sound<ProxyConfigSpec>('ProxyConfig')) {
    // concurrency below 0 is told by the schema.
    const selector = resource.spec?.selector;
    if (selector !== undefined) selectorRules(reporter(context, resource), selector.matchLabels, ['spec', 'selector']);
  }
}

function targeted(at: Reporter, spec: Targeted): void {
  policyTargetRules(at, spec);
  spec.match?.forEach((match, index) => match.ports?.forEach(({ number = 0 }, position) => {
    const path = ['spec', 'match', index, 'ports', position, 'number'];
    if (!isPort(number)) at.invalid(path, 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${number}`, 'choose one in that range');
  }));
}

function wasmRules(at: Reporter, wasm: Wasm, path: Path): void {
  const { url = '', sha256 = '', imagePullSecret = '', pluginName = '', vmConfig } = wasm;
  // An address without scheme is one of a registry.
  const given = urlScheme(url);
  const scheme = given === undefined || (given === '' && !url.startsWith('/')) ? urlScheme(`http://${url}`) && '' : given;
  if (url === '') {at.invalid(path, 'MESH_FIELD_REQUIRED', `${fieldOf(path)} has a url, got none`, 'add url');} else if (scheme === undefined || !['', 'file', 'http', 'https', 'oci'].includes(scheme)) {
    at.invalid([...path, 'url'], 'MESH_URL_INVALID', `a module's url is of file, http, https or oci, got ${quote(url)}`, 'correct the scheme');
  }
  if (sha256 !== '' && !/^[a-f0-9]{64}$/.test(sha256)) at.invalid([...path, 'sha256'], 'MESH_PLUGIN_INVALID', `sha256 has 64 characters of a-f and 0-9, got ${quote(sha256)}`, 'correct it');
  for (const [field, text, most] of [['imagePullSecret', imagePullSecret, 253], ['pluginName', pluginName, 256]] as const) {
    if (text.length > most) at.invalid([...path, field], 'MESH_LIMIT_INVALID', `${field} has at most ${most} characters, got ${text.length}`, 'shorten it');
  }
  const seen = new Set<string>();
  vmConfig?.env?.forEach(({ name = '', value = '', valueFrom = 'INLINE' }, index) => {
    const place = [...path, 'vmConfig', 'env', index];
    if (name.length < 1 || name.length > 256) at.invalid(place, 'MESH_LIMIT_INVALID', `a variable's name has from 1 to 256 characters, got ${name.length}`, 'correct the name');
    if (seen.has(name)) at.invalid(place, 'MESH_PLUGIN_INVALID', `variables differ by name, got ${quote(name)} twice`, 'remove one');
    if (valueFrom === 'HOST' && value !== '') at.invalid([...place, 'value'], 'MESH_PLUGIN_INVALID', 'a variable from the host has no value of its own, got one', 'remove value or valueFrom');
    seen.add(name);
  });
}
