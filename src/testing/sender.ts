import type { IConstruct } from 'constructs';
import type { MeshRequest, SendOptions } from './mesh-request';
import type { Simulator } from './simulator';
import type { RequestSpec } from '../analysis/explain';
import { ExternalService } from '../external-service';
import { MeshGateway } from '../mesh-gateway';
import { MeshService } from '../mesh-service';
import { MeshVersion } from '../mesh-version';
import { requireInteger } from '../private/check';
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

/** A request with who sends it and how, as the explanation takes it. */
export function requestSpec({ method, url, headers, claims }: MeshRequest, options: SendOptions, from: string): RequestSpec {
  const { at, fromAddress, externalAuthorizer, authorizerAnswer, clientCertificate, serverName } = options;
  if (externalAuthorizer !== undefined) requireInteger(undefined, 'MESH_STATUS_INVALID', 'externalAuthorizer', externalAuthorizer, 200, 599);
  const authorizer = authorizerAnswer?._verdict() ?? externalAuthorizer;
  const tls = {
    ...(serverName !== undefined && { sni: serverName }),
    ...(clientCertificate !== undefined && { certificate: true, names: clientCertificate.names }),
  };
  return {
    method,
    url,
    headers,
    from,
    ...(claims !== undefined && { claims }),
    ...(at !== undefined && { now: Math.floor(at.getTime() / 1000) }),
    ...(fromAddress !== undefined && { sourceAddress: fromAddress }),
    ...(authorizer !== undefined && { authorizer }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** Names of what answers requests to a construct. */
export function answererNames(target: IConstruct, simulator: Simulator): string[] {
  if (target instanceof MeshService) return simulator.workloadsOf(target.name, target.namespace);
  if (target instanceof MeshVersion) return [target._caller];
  if (target instanceof ExternalService) return [...target.hosts];
  const object = workloadObject(target);
  if (object !== undefined) return [`${object.name}.${object.metadata.namespace ?? 'default'}`];
  throw meshError(target, 'MESH_CALLER_UNKNOWN', `a behaviour must be that of a MeshService, MeshVersion, ExternalService or workload, got ${target.constructor.name}; use behaveNamed() for another`);
}
