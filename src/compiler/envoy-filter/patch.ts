import { fromJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonObject, JsonValue, Message, MessageShape } from '@bufbuild/protobuf';
import { RE2JS } from 're2js';
import { isObject } from '../../model/json';
import type { Resource } from '../../model/resource';
import { ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import { FilterChainSchema, FilterSchema, ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteSchema, VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { HttpFilterSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { registry } from '../../xds/registry';
import type { Attachment } from '../scope/attachment';

/** EnvoyFilter as it stands in YAML. */
export interface EnvoyFilterSpec extends Attachment {
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly configPatches?: readonly ConfigPatch[];
  readonly priority?: number;
}

export interface ConfigPatch {
  readonly applyTo?: string;
  readonly match?: PatchMatch;
  readonly patch?: { readonly operation?: string; readonly value?: unknown; readonly filterClass?: string };
}

export interface PatchMatch {
  readonly context?: string;
  readonly proxy?: { readonly proxyVersion?: string; readonly metadata?: Readonly<Record<string, string>> };
  readonly listener?: ListenerMatch;
  readonly routeConfiguration?: RouteConfigurationMatch;
  readonly cluster?: ClusterMatch;
}

export interface ListenerMatch {
  readonly name?: string;
  readonly portNumber?: number;
  readonly listenerFilter?: string;
  readonly filterChain?: {
    readonly name?: string;
    readonly sni?: string;
    readonly transportProtocol?: string;
    readonly applicationProtocols?: string;
    readonly destinationPort?: number;
    readonly filter?: { readonly name?: string; readonly subFilter?: { readonly name?: string } };
  };
}

export interface RouteConfigurationMatch {
  readonly name?: string;
  readonly portNumber?: number;
  readonly portName?: string;
  readonly gateway?: string;
  readonly vhost?: {
    readonly name?: string;
    readonly domainName?: string;
    readonly route?: { readonly name?: string; readonly action?: string };
  };
}

export interface ClusterMatch { readonly name?: string; readonly service?: string; readonly subset?: string; readonly portNumber?: number }

/** Which half of a proxy is being patched. */
export type PatchContext = 'GATEWAY' | 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND';

/** What each kind of patch is about. A kind that is not here has no place in what a proxy is sent. */
const SCHEMAS = {
  CLUSTER: ClusterSchema,
  EXTENSION_CONFIG: TypedExtensionConfigSchema,
  FILTER_CHAIN: FilterChainSchema,
  HTTP_FILTER: HttpFilterSchema,
  HTTP_ROUTE: RouteSchema,
  LISTENER: ListenerSchema,
  LISTENER_FILTER: ListenerFilterSchema,
  NETWORK_FILTER: FilterSchema,
  ROUTE_CONFIGURATION: RouteConfigurationSchema,
  VIRTUAL_HOST: VirtualHostSchema,
} as const;

export type ApplyTo = keyof typeof SCHEMAS;

/** One entry of `configPatches`, ready to be applied. */
export interface Patch {
  readonly resource: Resource;
  /** Place in `configPatches`. */
  readonly index: number;
  readonly applyTo: ApplyTo;
  readonly match: PatchMatch;
  readonly operation: string;
  /** Undefined where there is none, or none that Envoy's type has room for. */
  readonly value?: Message;
  /** Why the patch, or a part of it, has no effect anywhere. */
  readonly problem?: string;
}

/** Lists in which a place can be chosen; anywhere else INSERT adds. */
const ORDERED: ReadonlySet<string> = new Set<ApplyTo>(['HTTP_FILTER', 'HTTP_ROUTE', 'LISTENER_FILTER', 'NETWORK_FILTER']);

/** Patches of one EnvoyFilter, in its order. */
export function patchesOf(resource: Resource<EnvoyFilterSpec>): readonly Patch[] {
  return (resource.spec.configPatches ?? []).flatMap((given, index): Patch[] => {
    const { applyTo = '', match = {}, patch = {} } = given;
    if (!(applyTo in SCHEMAS)) return [];
    const wanted = patch.operation ?? 'INVALID';
    const operation = wanted.startsWith('INSERT_') && !ORDERED.has(applyTo) ? 'ADD' : wanted;
    const common = { resource: resource as unknown as Resource, index, applyTo: applyTo as ApplyTo, match, operation };
    return [{ ...common, ...(operation === 'REMOVE' ? {} : valueOf(SCHEMAS[applyTo as ApplyTo], patch.value)) }];
  });
}

/** The value of a patch of a given kind. */
export const valueAs = <A extends ApplyTo>(patch: Patch, applyTo: A): MessageShape<(typeof SCHEMAS)[A]> | undefined => (
  patch.applyTo === applyTo ? patch.value as MessageShape<(typeof SCHEMAS)[A]> | undefined : undefined);

function valueOf(schema: DescMessage, value: unknown): Pick<Patch, 'value' | 'problem'> {
  if (!isObject(value)) return { problem: 'patch.value must be an object' };
  const json = withKnownTypes(value as JsonObject);
  try {
    return { value: fromJson(schema, json, { registry }) };
  } catch (strict) {
    if (!textOf(strict).endsWith('is unknown')) return { problem: textOf(strict) };
    try {
      // Istio leaves out what it does not know, and so does this, but says so.
      return { value: fromJson(schema, json, { registry, ignoreUnknownFields: true }), problem: textOf(strict) };
    } catch (error) {
      return { problem: textOf(error) };
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const TYPED_STRUCT = 'type.googleapis.com/xds.type.v3.TypedStruct';

/** Extensions whose messages are not generated here go to Envoy as JSON, which it reads just as well. */
function withKnownTypes(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withKnownTypes);
  if (!isObject(value)) return value;
  const { '@type': type, ...rest } = value;
  if (typeof type === 'string' && registry.getMessage(type.slice(type.lastIndexOf('/') + 1)) === undefined) {
    return { '@type': TYPED_STRUCT, 'typeUrl': type, 'value': rest };
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withKnownTypes(item as JsonValue)]));
}

/** Whether a patch is about a proxy with this metadata. */
export function aboutProxy({ match: { proxy } }: Patch, metadata: Readonly<Record<string, unknown>>): boolean {
  if (proxy === undefined) return true;
  const { proxyVersion, metadata: wanted } = proxy;
  if (proxyVersion !== undefined && proxyVersion !== '' && !versionMatches(proxyVersion, metadata.ISTIO_VERSION)) return false;
  return Object.entries(wanted ?? {}).every(([key, value]) => metadata[key] === value);
}

function versionMatches(pattern: string, version: unknown): boolean {
  // A proxy that does not say its version is of none.
  if (typeof version !== 'string' || version === '') return false;
  try {
    return RE2JS.compile(pattern).matcher(version).find();
  } catch {
    return false;
  }
}

export const inContext = ({ match }: Patch, context: PatchContext): boolean => (
  match.context === undefined || match.context === 'ANY' || match.context === context);

/** Things of their own are added once: for callers, not again for the called. */
export const addsIn = (patch: Patch, context: PatchContext): boolean => (
  patch.operation === 'ADD' && inContext(patch, context)
  && (context !== 'SIDECAR_INBOUND' || patch.match.context === 'SIDECAR_INBOUND'));

export const isMerge = ({ operation }: Patch): boolean => operation === 'MERGE' || operation === 'MERGE_AND_REPLACE_LIST';
