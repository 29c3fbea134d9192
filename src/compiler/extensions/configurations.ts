import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { AnySchema, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { extensionsOf } from './list';
import type { Extension } from './list';
import type { WasmSpec } from './spec';
import { objectOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import type { AsyncDataSourceSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import type { TypedExtensionConfig } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import { RBAC_Action } from '../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import { RBACSchema as HttpRbacSchema } from '../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import { WasmSchema as HttpWasmSchema } from '../../xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { RBACSchema as TcpRbacSchema } from '../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { WasmSchema as TcpWasmSchema } from '../../xds/gen/envoy/extensions/filters/network/wasm/v3/wasm_pb';
import { FailurePolicy } from '../../xds/gen/envoy/extensions/wasm/v3/wasm_pb';
import type { PluginConfigSchema } from '../../xds/gen/envoy/extensions/wasm/v3/wasm_pb';
import { istioAtLeast } from '../istio-version';
import type { View } from '../view';

/** Configurations of the modules that filters of some listener ask for (istio-behaviour H5), in the order of the filters. */
export function extensionConfigurations(view: View, asked: ReadonlySet<string>): readonly TypedExtensionConfig[] {
  return extensionsOf(view).filter(({ name }) => asked.has(name)).flatMap(extension => (
    extension.wasm === undefined ? [] : [view.mesh.memo.get('extensionConfiguration', [view.facetKey, extension], () => configuration(view, extension, extension.wasm!))]));
}

function configuration(view: View, { name, type, resource }: Extension, wasm: WasmSpec): TypedExtensionConfig {
  const http = type === 'HTTP';
  if (!view.dialect.fetchesModules && !isFile(wasm)) {
    return create(TypedExtensionConfigSchema, { name, typedConfig: http ? pack(HttpRbacSchema, unfetched(wasm)) : pack(TcpRbacSchema, { ...unfetched(wasm), statPrefix: 'tcp.' }) });
  }
  const secret = wasm.imagePullSecret === undefined || wasm.imagePullSecret === '' ? undefined : pullSecret(view, wasm.imagePullSecret, resource.metadata.namespace);
  const config: MessageInitShape<typeof PluginConfigSchema> = {
    name,
    rootId: wasm.pluginName,
    configuration: Object.keys(objectOf(wasm.pluginConfig)).length === 0 ? create(AnySchema)
      : pack(StringValueSchema, { value: JSON.stringify(sortedKeys(wasm.pluginConfig)) }),
    vm: {
      case: 'vmConfig',
      value: { runtime: 'envoy.wasm.runtime.v8', code: source(wasm), environmentVariables: environment(view, wasm, secret, resource.document) },
    },
    ...(istioAtLeast(view.proxy, 1, 25) ? { failurePolicy: POLICIES[wasm.failStrategy ?? ''] ?? FailurePolicy.FAIL_CLOSED } : { failOpen: wasm.failStrategy === 'FAIL_OPEN' }),
  };
  return create(TypedExtensionConfigSchema, { name, typedConfig: http ? pack(HttpWasmSchema, { config }) : pack(TcpWasmSchema, { config }) });
}

const POLICIES: Readonly<Record<string, FailurePolicy>> = {
  FAIL_OPEN: FailurePolicy.FAIL_OPEN, FAIL_CLOSE: FailurePolicy.FAIL_CLOSED, FAIL_RELOAD: FailurePolicy.FAIL_RELOAD,
};

/** What Istio's agent puts in the place of a module that cannot be had: nobody passes, or everybody where the plugin may fail open. */
const unfetched = ({ failStrategy }: WasmSpec) => (failStrategy === 'FAIL_OPEN' ? {} : { rules: { action: RBAC_Action.ALLOW } });

const isFile = ({ url = '' }: WasmSpec): boolean => /^file:\/\//i.test(url);

/** Who has no scheme is an image. The agent fetches whatever is no file; Envoy itself is told of a cluster that is none. */
function source(wasm: WasmSpec): MessageInitShape<typeof AsyncDataSourceSchema> {
  const { url = '', sha256 } = wasm;
  if (isFile(wasm)) return { specifier: { case: 'local', value: { specifier: { case: 'filename', value: url.slice('file://'.length) } } } };
  const uri = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `oci://${url}`;
  return {
    specifier: {
      case: 'remote', value: { httpUri: { uri, timeout: duration(30_000), httpUpstreamType: { case: 'cluster', value: '_' } }, sha256 },
    },
  };
}

/** The agent takes what is meant for it out of the module's environment; where there is none, nothing of the kind is sent. */
function environment(view: View, { imagePullPolicy, vmConfig }: WasmSpec, secret: string | undefined, document: Json) {
  const given = vmConfig?.env ?? [];
  const keyValues: Record<string, string> = view.dialect.fetchesModules ? {
    ...(secret === undefined ? {} : { ISTIO_META_WASM_IMAGE_PULL_SECRET: secret }),
    ...(imagePullPolicy === undefined || imagePullPolicy === 'UNSPECIFIED_POLICY' ? {} : { ISTIO_META_WASM_IMAGE_PULL_POLICY: imagePullPolicy }),
    ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: textOf(objectOf(document.metadata).resourceVersion) ?? '',
  } : {};
  for (const { name = '', value = '', valueFrom } of given) if (valueFrom !== 'HOST') keyValues[name] = value;
  const hostEnvKeys = given.filter(({ valueFrom }) => valueFrom === 'HOST').map(({ name = '' }) => name);
  return hostEnvKeys.length + Object.keys(keyValues).length === 0 ? undefined : { keyValues, hostEnvKeys };
}

/** Credentials of a registry, from a Secret of the plugin's own namespace whatever the name says. */
function pullSecret(view: View, name: string, namespace: string): string {
  const own = name.slice(name.lastIndexOf('/') + 1);
  const found = view.mesh.model.of('Secret').find(({ metadata }) => metadata.name === own && metadata.namespace === namespace);
  const data = textOf(objectOf(found?.document.data)['.dockerconfigjson']);
  return data === undefined ? textOf(objectOf(found?.document.stringData)['.dockerconfigjson']) ?? '' : new TextDecoder().decode(base64Decode(data));
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => compare(a, b)).map(([key, item]) => [key, sortedKeys(item)]));
}
