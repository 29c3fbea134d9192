import type { Construct } from 'constructs';
import { requireLabel } from './check';
import { meshError } from './errors';
import { requireHosts } from './hosts';
import { DEFAULT_DOMAIN } from './mesh-settings';
import { PATH_ANNOTATION } from './metadata';
import type { ExistingMeshProps } from '../existing-mesh';
import type { GatewayWorkload } from '../gateway-workload';

/** A mesh that is installed, checked. */
export interface ExistingMesh {
  readonly domain: string;
  readonly revision?: string;
  readonly ingressGateway?: GatewayWorkload;
  readonly egressGateway?: GatewayWorkload;
  /** As its ConfigMap has it; undefined for that of a default installation. */
  readonly meshConfig?: { readonly [key: string]: any };
  /** What stands on the cluster for it, as far as it bears on what is checked and simulated. */
  readonly manifests: () => unknown[];
}

/** Reads and checks what is said of an installed mesh. */
export function existingMesh(owner: Construct, rootNamespace: string, props: ExistingMeshProps): ExistingMesh {
  const { trustDomain, domain = DEFAULT_DOMAIN, revision, mtls, egress, ingressGateway, egressGateway } = props;
  for (const name of [domain, trustDomain]) if (name !== undefined) requireHosts(owner, [name]);
  if (revision !== undefined) requireLabel(owner, 'revision', revision, 'give the name that istiod was installed with');
  requireExisting(owner, 'ingressGateway', ingressGateway);
  requireExisting(owner, 'egressGateway', egressGateway);
  const own = {
    ...props.rootNamespace !== undefined && { rootNamespace },
    ...trustDomain !== undefined && { trustDomain },
    ...egress !== undefined && { outboundTrafficPolicy: { mode: egress } },
  };
  const meshConfig = meshConfigOf(owner, own, props.meshConfig);
  const metadata = (name: string, namespace: string) => ({ name, namespace, annotations: { [PATH_ANNOTATION]: owner.node.path } });
  // YAML reads JSON, so the text need not be any prettier.
  const map = meshConfig && { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('istio', 'istio-system'), data: { mesh: JSON.stringify(meshConfig) } };
  const authentication = mtls && {
    apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: metadata('default', rootNamespace), spec: { mtls: { mode: mtls } },
  };
  const manifests = [map, authentication].filter((manifest) => manifest !== undefined);
  return { domain, revision, ingressGateway, egressGateway, meshConfig, manifests: () => manifests };
}

function requireExisting(owner: Construct, what: string, workload: GatewayWorkload | undefined): void {
  if (workload === undefined || workload._labels !== undefined) return;
  throw meshError(owner, 'MESH_GATEWAY_DEPLOYED', `${what} must be pods that run already, got GatewayWorkload.deployed(); write GatewayWorkload.existing() with their labels`);
}

function meshConfigOf(owner: Construct, own: { [key: string]: unknown }, rest: ExistingMeshProps['meshConfig']): ExistingMesh['meshConfig'] {
  const twice = Object.keys(rest ?? {}).find((key) => Object.hasOwn(own, key));
  if (twice !== undefined) throw meshError(owner, 'MESH_FIELD_EXCLUSIVE', `meshConfig must leave out what a property says, got ${twice} in both; leave it away in one of them`);
  if (rest === undefined && Object.keys(own).length === 0) return undefined;
  // A ConfigMap counts wholly, so what Istio's chart puts into each has to be said again.
  return { defaultProviders: { metrics: ['prometheus'] }, ...rest, ...own };
}
