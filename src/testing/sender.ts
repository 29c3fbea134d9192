import type { IConstruct } from 'constructs';
import type { SendOptions } from './mesh-request';
import type { Simulator } from './simulator';
import { MeshGateway } from '../mesh-gateway';
import { MeshService } from '../mesh-service';
import { MeshVersion } from '../mesh-version';
import { meshError } from '../private/errors';
import { workloadObject } from '../private/workload';

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
  if (from instanceof MeshVersion) return from._caller;
  if (from instanceof MeshGateway) return `gateway:${from.name}.${from.namespace ?? 'default'}`;
  const object = workloadObject(from);
  if (object !== undefined) return `${object.name}.${object.metadata.namespace ?? 'default'}`;
  throw meshError(from, 'MESH_CALLER_UNKNOWN', `a sender must be a MeshService, MeshVersion, MeshGateway or workload, got ${from.constructor.name}; use fromName for another`);
}
