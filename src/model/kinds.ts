import { closest } from './suggest';

/** Kinds of Istio's API groups, with the versions their CRDs serve (all versions of a kind read alike). */
export const ISTIO_KINDS: Readonly<Record<string, { readonly kinds: readonly string[]; readonly versions: readonly string[] }>> = {
  'extensions.istio.io': { kinds: ['TrafficExtension', 'WasmPlugin'], versions: ['v1alpha1'] },
  'install.istio.io': { kinds: ['IstioOperator'], versions: ['v1alpha1'] },
  'networking.istio.io': {
    kinds: ['DestinationRule', 'EnvoyFilter', 'Gateway', 'ProxyConfig', 'ServiceEntry', 'Sidecar', 'VirtualService', 'WorkloadEntry', 'WorkloadGroup'],
    versions: ['v1', 'v1beta1', 'v1alpha3'],
  },
  'security.istio.io': { kinds: ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'], versions: ['v1', 'v1beta1'] },
  'telemetry.istio.io': { kinds: ['Telemetry'], versions: ['v1', 'v1alpha1'] },
};

/** Kinds without a namespace. Any other kind gets `default` where its metadata names none. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'APIService', 'CSIDriver', 'CSINode', 'CertificateSigningRequest', 'ClusterIssuer', 'ClusterRole', 'ClusterRoleBinding', 'ClusterTrustBundle',
  'ComponentStatus', 'CustomResourceDefinition', 'FlowSchema', 'GatewayClass', 'IngressClass', 'IPAddress', 'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding', 'MutatingWebhookConfiguration', 'Namespace', 'Node', 'PersistentVolume', 'PriorityClass',
  'PriorityLevelConfiguration', 'RuntimeClass', 'ServiceCIDR', 'StorageClass', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration', 'VolumeAttachment',
]);

/** Kinds that several groups have: the plain kind name means this group, the others are indexed as `Kind.group` only. */
const MEANT_GROUP: Readonly<Record<string, string>> = {
  ConfigMap: '', Endpoints: '', Gateway: 'networking.istio.io', Namespace: '', Node: '', Pod: '', Secret: '', Service: '', ServiceAccount: '',
};

/** API group of an apiVersion; `''` for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** Whether objects of this kind live outside any namespace. */
export function isClusterScoped(kind: string): boolean {
  return CLUSTER_SCOPED.has(kind);
}

/** Keys under which a model lists a kind: `Gateway.networking.istio.io`, and `Gateway` where the plain name means this group. */
export function kindKeys(apiVersion: string, kind: string): readonly string[] {
  const group = groupOf(apiVersion);
  const qualified = `${kind}.${group}`;
  const meant = MEANT_GROUP[kind];
  return meant === undefined || meant === group ? [kind, qualified] : [qualified];
}

/** A code, and `rule, got value; repair`. */
export interface KindFault {
  readonly code: 'MESH_KIND_UNKNOWN' | 'MESH_VERSION_UNKNOWN';
  readonly rule: string;
}

/** What is wrong with an apiVersion and kind of an istio.io group. Other groups are never judged. */
export function kindFault(apiVersion: string, kind: string): KindFault | undefined {
  const unknown = (rule: string): KindFault => ({ code: 'MESH_KIND_UNKNOWN', rule });
  const group = groupOf(apiVersion);
  if (!group.endsWith('istio.io')) return undefined;
  const known = ISTIO_KINDS[group];
  const home = Object.keys(ISTIO_KINDS).find(candidate => ISTIO_KINDS[candidate].kinds.includes(kind));
  if (home !== undefined && home !== group) {
    return unknown(`kind ${kind} belongs to the group ${home}, got apiVersion ${apiVersion}; write a version of that group`);
  }
  if (known === undefined) {
    const near = closest(group, Object.keys(ISTIO_KINDS));
    return unknown(`no group of Istio is called so, got apiVersion ${apiVersion}; ${near === undefined ? `use one of ${Object.keys(ISTIO_KINDS).join(', ')}` : `did you mean ${near}?`}`);
  }
  if (home === undefined) {
    const near = closest(kind, Object.values(ISTIO_KINDS).flatMap(entry => entry.kinds));
    return unknown(`the group ${group} has no such kind, got ${kind}; ${near === undefined ? `it has ${known.kinds.join(', ')}` : `did you mean ${near}?`}`);
  }
  const version = apiVersion.slice(group.length + 1);
  if (known.versions.includes(version)) return undefined;
  const served = known.versions.map(each => `${group}/${each}`).join(', ');
  return { code: 'MESH_VERSION_UNKNOWN', rule: `kind ${kind} is served as ${served}, got apiVersion ${apiVersion}; use one of these` };
}
