import * as kplus from 'cdk8s-plus-27';
import type { IConstruct } from 'constructs';
import type { SendOptions } from './mesh-request';
import type { Simulator } from './simulator';
import { MeshGateway } from '../mesh-gateway';
import { MeshService } from '../mesh-service';
import { MeshVersion } from '../mesh-version';
import { meshError } from '../private/errors';
import { namespaceIn } from '../private/metadata';

/** The sender of a request by the name that the explanation takes. */
export function senderName({ from, fromName }: SendOptions, simulator: Simulator): string {
  if (fromName !== undefined) return fromName;
  return from === undefined ? 'outside' : nameOf(from, simulator);
}

function nameOf(from: IConstruct, simulator: Simulator): string {
  if (from instanceof MeshService) {
    const workload = simulator.workloadOf(from.name, from.namespace);
    if (workload === undefined) {
      throw meshError(from, 'MESH_CALLER_UNKNOWN', 'a sender must run somewhere, got a service without a workload; add a version to it, or send from another construct');
    }
    return workload;
  }
  if (from instanceof MeshVersion) return workloadName(from.workload);
  if (from instanceof kplus.Workload) return workloadName(from);
  if (from instanceof MeshGateway) return `gateway:${from.name}.${from.namespace ?? 'default'}`;
  throw meshError(from, 'MESH_CALLER_UNKNOWN', `a sender must be a MeshService, MeshVersion, MeshGateway or workload, got ${from.constructor.name}; use fromName for another`);
}

function workloadName(workload: kplus.Workload): string {
  return `${workload.name}.${namespaceIn(workload, workload.metadata.namespace) ?? 'default'}`;
}
