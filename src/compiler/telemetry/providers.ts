import { objectsOf, textOf } from '../../model/json';
import type { ExtensionProvider } from '../istio-api';
import type { Mesh } from '../mesh';

/** The provider of MeshConfig that a Telemetry resource means by a name; letters of either case will do. */
export function providerNamed(mesh: Mesh, name: string): ExtensionProvider | undefined {
  const wanted = name.toLowerCase();
  const given = objectsOf(mesh.model.config.raw.extensionProviders).find(provider => textOf(provider.name)?.toLowerCase() === wanted);
  return given ?? BUILT_IN.find(provider => provider.name === wanted);
}

/** Providers of Istio's own, which MeshConfig may replace. */
const BUILT_IN: readonly ExtensionProvider[] = [{ name: 'envoy', envoyFileAccessLog: { path: '/dev/stdout' } }, { name: 'prometheus', prometheus: {} }];
