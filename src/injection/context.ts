import { annotationsOf } from './pod';
import type { Owner, Pod } from './pod';
import type { Values } from './values';
import { objectOf, textOf } from '../model/json';
import type { Json } from '../model/json';

/** What a template is made from. */
export interface Context {
  /** The Pod without what an earlier injection added. */
  readonly pod: Pod;
  readonly owner: Owner;
  readonly values: Values;
  /** MeshConfig as its YAML has it. */
  readonly mesh: Json;
  /** ProxyConfig of the mesh with that of the Pod's annotation over it. */
  readonly proxyConfig: Json;
  readonly revision: string;
  /** Whether the proxy is an init container that stays (Kubernetes' own sidecars), where the Pod says nothing. */
  readonly nativeSidecar: boolean;
}

/** A Pod's annotation, or what holds without it. */
export function annotation(context: Context, name: string, otherwise: unknown): string {
  return annotationsOf(context.pod)[name] ?? String(otherwise);
}

/** How traffic is captured: REDIRECT, TPROXY or NONE. */
export function interceptionMode(context: Context): string {
  return annotation(context, 'sidecar.istio.io/interceptionMode', context.proxyConfig.interceptionMode ?? 'REDIRECT');
}

/** Whether the proxy is an init container that stays. */
export function isNative(context: Pick<Context, 'pod' | 'nativeSidecar'>): boolean {
  const asked = annotationsOf(context.pod)['sidecar.istio.io/nativeSidecar'];
  return asked ? asked !== 'false' : context.nativeSidecar;
}

/** Whether an author's own proxy container is one that stays; only these two values are understood here. */
export function movesProxy(pod: Pod, otherwise: boolean): boolean {
  const asked = annotationsOf(pod)['sidecar.istio.io/nativeSidecar'];
  return asked === 'true' || (asked !== 'false' && otherwise);
}

/** Whether the application waits for the proxy. */
export function holdsApplication(context: Pick<Context, 'proxyConfig' | 'values'>): boolean {
  return context.proxyConfig.holdApplicationUntilProxyStarts === true || context.values.global.proxy.holdApplicationUntilProxyStarts === true;
}

/** Environment for the proxy from ProxyConfig's `proxyMetadata`, by name. */
export function proxyMetadata(context: Context): readonly (readonly [string, string])[] {
  return Object.entries(objectOf(context.proxyConfig.proxyMetadata)).map(([name, value]): [string, string] => [name, textOf(value) ?? '']).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function trustDomain(context: Context): string {
  return textOf(context.mesh.trustDomain) || context.values.global.trustDomain;
}

/** Image of the proxy or of its init container: a whole reference from the annotation or the values, else made of hub, name, tag and variant. */
export function image(context: Context, name: string, configured?: string): string {
  const { hub, tag, variant } = context.values.global;
  const asked = annotation(context, 'sidecar.istio.io/proxyImage', name);
  if (asked.includes('/')) return asked;
  const type = annotationsOf(context.pod)['sidecar.istio.io/proxyImageType'] ?? (configured || variant);
  return `${hub}/${name}:${tagOf(String(tag), type)}`;
}

/** A tag with the image type that is asked for in place of its own. */
function tagOf(tag: string, type: string): string {
  if (type === '') return tag;
  const plain = tag.replace(/-(distroless|debug)$/, '');
  return type === 'default' ? plain : `${plain}-${type}`;
}
