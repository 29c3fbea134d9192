import type { IConstruct } from 'constructs';
import type { MeshPort } from '../mesh-port';
import { meshError } from './errors';

/** Names of ports that stand on one object, in the order given: `http`, or `http-9080` where several ports have the protocol. */
export function portNames(ports: readonly MeshPort[]): string[] {
  return ports.map((port) => {
    const prefix = port.protocol.toLowerCase();
    const alone = ports.filter((other) => other.protocol === port.protocol).length === 1;
    return port.name ?? (alone ? prefix : `${prefix}-${port.number}`);
  });
}

/** Numbers and names of the ports of one object are unique, and there is at least one. */
export function requireDistinctPorts(scope: IConstruct, ports: readonly MeshPort[]): void {
  if (ports.length === 0) throw meshError(scope, 'MESH_PORT_MISSING', 'ports must have at least one port, got []; add one, e.g. MeshPort.http(80)');
  const names = portNames(ports);
  ports.forEach((port, index) => {
    if (ports.findIndex((other) => other.number === port.number) < index) {
      throw meshError(scope, 'MESH_PORT_DUPLICATE', `the numbers of ports must differ, got ${port.number} twice; leave one of the two away`);
    }
    if (names.indexOf(names[index]) < index) {
      throw meshError(scope, 'MESH_PORT_DUPLICATE', `the names of ports must differ, got "${names[index]}" twice; set name of one of them`);
    }
  });
}
