import type { IConstruct } from 'constructs';
import { meshError } from './errors';

/** What a Mesh says of itself, for all that stands in its scope. */
export interface MeshSettings {
  readonly mesh: IConstruct;
  /** Minor version of Istio 1 that manifests are for. */
  readonly istioMinor: number;
  /** The cluster's DNS domain. */
  readonly domain: string;
  /** Revision of the control plane; undefined for the default one. */
  readonly revision?: string;
  /** `outboundTrafficPolicy.mode` of the Sidecar that the Mesh renders for everybody; a Sidecar of somebody's own replaces it. */
  readonly renderedEgress?: string;
}

export const DEFAULT_DOMAIN = 'cluster.local';

/** By the construct whose tree the Mesh is for. */
const settings = new WeakMap<IConstruct, MeshSettings>();
/** Who wrote a default down already, by every construct above; a Mesh that comes later cannot change it any more. */
const settled = new WeakMap<IConstruct, IConstruct>();
/** Objects that are on the cluster without being rendered here, by who knows of them. */
const installed = new WeakMap<IConstruct, (rendered: readonly unknown[]) => unknown[]>();
const gateways = new WeakMap<IConstruct, InstalledGateway>();

/** A tree has one Mesh; what it says must not contradict what was rendered from defaults before. */
export function declareMesh(root: IConstruct, own: MeshSettings): void {
  const other = settings.get(root);
  if (other !== undefined) throw meshError(own.mesh, 'MESH_MESH_DUPLICATE', `constructs must be checked by one Mesh, got a second beside ${other.mesh.node.path}; keep one of them`);
  const early = settled.get(root);
  if (early !== undefined && (own.domain !== DEFAULT_DOMAIN || own.revision !== undefined)) {
    throw meshError(own.mesh, 'MESH_MESH_LATE', `a Mesh with its own domain or revision must be made before what depends on them, got ${early.node.path} first; make the Mesh first`);
  }
  settings.set(root, own);
}

/** The Mesh whose tree a construct is in. */
export function settingsAbove(construct: IConstruct): MeshSettings | undefined {
  const root = [...construct.node.scopes].reverse().find((scope) => settings.has(scope));
  return root && settings.get(root);
}

/** The same for something that writes down now what the Mesh says, or the default. */
export function settledSettings(construct: IConstruct): Pick<MeshSettings, 'domain' | 'revision'> {
  const found = settingsAbove(construct);
  if (found !== undefined) return found;
  for (const scope of construct.node.scopes) if (!settled.has(scope)) settled.set(scope, construct);
  return { domain: DEFAULT_DOMAIN };
}

/** The Mesh that manifests below a construct belong to: the one above, else the first below. */
function settingsFor(scope: IConstruct): MeshSettings | undefined {
  const below = scope.node.findAll().find((construct) => settings.has(construct));
  return settingsAbove(scope) ?? (below && settings.get(below));
}

/** Says what is on the cluster though nothing here renders it. */
export function knowInstalled(owner: IConstruct, produce: (rendered: readonly unknown[]) => unknown[]): void {
  installed.set(owner, produce);
}

/** What the constructs below one, and its Mesh, know to be on the cluster beside what is rendered. */
export function installedFor(scope: IConstruct, rendered: readonly unknown[]): unknown[] {
  return knownTo(scope).flatMap((owner) => installed.get(owner)?.(rendered) ?? []);
}

/** Pods of a gateway that run already, and the name of the Service before them. */
export interface InstalledGateway {
  readonly labels: { readonly [name: string]: string };
  readonly host?: string;
}

/** Says that a gateway's pods run, whoever deployed them. */
export function knowGateway(owner: IConstruct, gateway: InstalledGateway): void {
  gateways.set(owner, gateway);
}

/** What is said of a mesh besides manifests. */
export interface MeshOptions {
  readonly domain?: string;
  readonly istioMinor?: number;
  readonly gateways: readonly InstalledGateway[];
}

/** What else is said of the mesh that manifests below a construct are for. */
export function meshOptionsFor(scope: IConstruct): MeshOptions {
  const known = knownTo(scope).map((owner) => gateways.get(owner)).filter((gateway) => gateway !== undefined);
  const { domain, istioMinor } = settingsFor(scope) ?? {};
  return { domain, istioMinor, gateways: known };
}

function knownTo(scope: IConstruct): IConstruct[] {
  const mesh = settingsAbove(scope)?.mesh;
  return [...new Set([...mesh === undefined ? [] : [mesh], ...scope.node.findAll()])];
}
