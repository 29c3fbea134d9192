import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import type { ExtensionConfigSourceSchema } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import { FilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { LuaSchema } from '../../xds/gen/envoy/extensions/filters/http/lua/v3/lua_pb';
import { RBACSchema as HttpRbacSchema } from '../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import { WasmSchema as HttpWasmSchema } from '../../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { HttpFilterSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpFilter } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { RBACSchema as TcpRbacSchema } from '../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { WasmSchema as TcpWasmSchema } from '../../xds/gen/envoy/extensions/filters/network/wasm/v3/wasm_pb';
import { ADS } from '../dialect';
import type { Extension, Phase } from './list';

/** A filter whose configuration is asked for by name, and waited for: it may be there to protect something. Instead of it RBAC may come. */
const discovery = (...types: readonly { readonly typeName: string }[]): MessageInitShape<typeof ExtensionConfigSourceSchema> => (
  { configSource: ADS, typeUrls: types.map(({ typeName }) => `type.googleapis.com/${typeName}`) });

const HTTP_DISCOVERY = discovery(HttpWasmSchema, HttpRbacSchema);
const TCP_DISCOVERY = discovery(TcpWasmSchema, TcpRbacSchema);

/** Filters of the extensions of some phases, as requests pass them. A script stands in the chain itself. */
export const httpExtensions = (extensions: readonly Extension[], ...phases: readonly Phase[]): HttpFilter[] => (
  extensions.filter(({ phase }) => phases.includes(phase)).map(({ name, lua }) => create(HttpFilterSchema, {
    name,
    configType: lua === undefined ? { case: 'configDiscovery', value: HTTP_DISCOVERY }
      : { case: 'typedConfig', value: pack(LuaSchema, { defaultSourceCode: { specifier: { case: 'inlineString', value: lua } } }) },
  })));

/** The same, as bytes pass them. */
export const networkExtensions = (extensions: readonly Extension[], ...phases: readonly Phase[]): Filter[] => (
  extensions.filter(({ phase }) => phases.includes(phase))
    .map(({ name }) => create(FilterSchema, { name, configType: { case: 'configDiscovery', value: TCP_DISCOVERY } })));
