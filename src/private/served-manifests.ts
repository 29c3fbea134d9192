import type { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { MESH_CONFIG_LABEL } from './mesh-config';
import { renderTree } from './render';

/** Kinds that a control plane reads; Secrets and the like are none of its business. */
const SERVED: ReadonlySet<string> = new Set([
  'CronJob', 'DaemonSet', 'Deployment', 'EndpointSlice', 'Job', 'Namespace', 'Node', 'Pod', 'ReplicaSet', 'Service', 'ServiceAccount', 'StatefulSet',
]);
const OF_ISTIO = /^(networking|security|telemetry|extensions)\.istio\.io$/;

/** Manifests below a construct that make its mesh, without those of the control plane itself: nothing is in the mesh that it depends on. */
export function servedManifests(scope: IConstruct, controlPlane: IConstruct): unknown[] {
  const own = new Set<IConstruct>(controlPlane.node.findAll());
  return renderTree(scope, (object) => !own.has(object) && (SERVED.has(object.kind) || OF_ISTIO.test(object.apiGroup) || isMeshConfig(object)));
}

const isMeshConfig = ({ kind, metadata }: ApiObject): boolean => kind === 'ConfigMap' && metadata.getLabel(MESH_CONFIG_LABEL) !== undefined;

/** Those of them by which names and addresses of services are known. */
export function servedServices(scope: IConstruct, controlPlane: IConstruct): unknown[] {
  const own = new Set<IConstruct>(controlPlane.node.findAll());
  return renderTree(scope, (object) => !own.has(object) && (object.kind === 'Service' || object.kind === 'ServiceEntry'));
}
