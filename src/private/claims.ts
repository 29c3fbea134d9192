import { Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { meshError } from './errors';

/** Who has a host: the construct, by where the host is served, for each tree whose manifests go to one cluster. */
const claims = new WeakMap<IConstruct, Map<string, IConstruct>>();

/** Inside the mesh Istio lets one VirtualService have a host and ignores every other, without a word. */
export function claimMeshHosts(owner: IConstruct, hosts: readonly string[], namespace?: string, exportTo?: readonly string[]): void {
  const everybody = exportTo === undefined || exportTo.includes('*');
  const seenBy = everybody ? '*' : exportTo.map((name) => (name === '.' ? namespace ?? '' : name)).sort().join(',');
  for (const host of hosts) {
    const full = host.includes('.') ? host : `${host}.${namespace ?? ''}`;
    claim(owner, outermostChart(owner), `mesh ${seenBy} ${full}`, (other) => `host "${host}" must have its routes in one place, got them at ${other.node.path} too; add the routes there`);
  }
}

/** At a gateway Istio joins the rules of all VirtualServices with a host, in an order that nobody chose. */
export function claimGatewayHosts(owner: IConstruct, gateway: IConstruct, hosts: readonly string[]): void {
  for (const host of hosts) {
    claim(owner, gateway, host,
      (other) => `host "${host}" of gateway ${gateway.node.path} must have its routes in one place, got them at ${other.node.path} too; use the same list of hosts, or add the routes there`);
  }
}

function claim(owner: IConstruct, place: IConstruct, key: string, text: (other: IConstruct) => string): void {
  const known = claims.get(place) ?? new Map<string, IConstruct>();
  claims.set(place, known);
  const other = known.get(key);
  if (other !== undefined) throw meshError(owner, 'MESH_HOST_SHARED', text(other));
  known.set(key, owner);
}

/** Charts side by side may be for different clusters, so only what stands in one chart certainly meets. Across charts a Mesh looks. */
function outermostChart(owner: IConstruct): IConstruct {
  return owner.node.scopes.find((scope) => Chart.isChart(scope)) ?? owner.node.root;
}
