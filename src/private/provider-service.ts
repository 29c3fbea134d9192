import { meshError } from './errors';
import type { MeshPort } from '../mesh-port';
import type { IRouteDestination } from '../route';

/** Where MeshConfig finds a service. */
export interface ProviderService { readonly service: string; readonly port: number }

/** A service that MeshConfig names: by its full name, and by the one of its ports that is meant, which must speak `protocol`. */
export function providerService(destination: IRouteDestination, number: number | undefined, protocol: 'HTTP' | 'gRPC'): ProviderService {
  const port = portOf(destination, number);
  if (!(protocol === 'gRPC' ? ['GRPC', 'HTTP2'] : ['HTTP', 'HTTP2', 'GRPC']).includes(port.protocol)) {
    throw meshError(destination, 'MESH_PROTOCOL_DIFFERENT', `port ${port.number} must be ${protocol === 'gRPC' ? 'GRPC or HTTP2' : 'HTTP or HTTP2'}, since it is asked by ${protocol}, got ${port.protocol}; name a port that speaks it`);
  }
  return { service: destination.hostFrom(''), port: port.number };
}

function portOf(destination: IRouteDestination, number: number | undefined): MeshPort {
  const { ports } = destination;
  const numbers = ports.map((port) => port.number).join(', ');
  if (number === undefined) {
    if (ports.length === 1) return ports[0];
    throw meshError(destination, 'MESH_PORT_AMBIGUOUS', `port must be given where a service has several (${numbers}), got none; set port`);
  }
  const found = ports.find((port) => port.number === number);
  if (found === undefined) throw meshError(destination, 'MESH_PORT_UNKNOWN', `port must be one that the service has (${numbers}), got ${number}; choose one of those`);
  return found;
}
