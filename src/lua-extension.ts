import { Construct } from 'constructs';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { envoyFilter, inboundHttpFilter } from './private/envoy-filter';
import { meshError } from './private/errors';

/** Properties for `LuaExtension`. */
export interface LuaExtensionProps {
  /** The script, with a function `envoy_on_request(handle)`, `envoy_on_response(handle)`, or both. */
  readonly code: string;
  /**
   * Whose requests, as they come in.
   * @default - those to all workloads of the namespace
   */
  readonly service?: IPolicyTarget;
  /**
   * Name of the EnvoyFilter.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the EnvoyFilter.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * A Lua script that Envoy runs on requests before they reach the application, after Istio's own checks. Renders an EnvoyFilter, which a `Mesh`
 * proves to take hold in every sidecar that it is about. The reference proxy does not run Lua and says so; Envoy does.
 * @example
 * new LuaExtension(this, 'marked', { service: reviews, code: 'function envoy_on_request(handle) handle:headers():add("x-marked", "1") end' });
 */
export class LuaExtension extends Construct {
  /** Name of the EnvoyFilter. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_PATCH_VALUE. */
  public constructor(scope: Construct, id: string, props: LuaExtensionProps) {
    super(scope, id);
    requireProps(this, 'LuaExtensionProps', props);
    this.name = requireLabel(this, 'the name of an EnvoyFilter', props.name ?? id, 'choose another construct id or set name');
    if (!/\bfunction\s+envoy_on_re(quest|sponse)\b/.test(props.code)) {
      throw meshError(this, 'MESH_PATCH_VALUE', `code must define envoy_on_request or envoy_on_response, got ${JSON.stringify(props.code.slice(0, 40))}; define one of them`);
    }
    this.node.defaultChild = envoyFilter(this, {
      name: this.name,
      target: props.service,
      namespace: props.namespace,
      patches: [inboundHttpFilter('envoy.filters.http.lua', {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
        'default_source_code': { inline_string: props.code },
      })],
      expect: ['1+'],
    });
  }
}

guarded('LuaExtension', LuaExtension);
