import { createServer } from 'node:net';
import { slotOf } from '../../../src/model/assign';
import { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import { compare } from '../../../src/model/resource';
import type { Workload } from '../../../src/model/service';

/** `block`: each workload has 127.P.0.0/16; `single`: there is only 127.0.0.1, and workloads differ by port. */
export type Loopback = 'block' | 'single';

/** Where one workload and its proxy live on this machine. */
export interface Place {
  /** `namespace/pod`. */
  readonly key: string;
  /** Address on which the proxy answers for the Pod. */
  readonly ip: string;
  /** ADDRESS_BLOCK of explicit capture. */
  readonly block: string;
  /** Where the proxy listens for a target port; differs from it only where there is one address for all. */
  readonly listenPorts: Readonly<Record<number, number>>;
  /** Where the application listens on 127.0.0.1, by target port. */
  readonly appPorts: Readonly<Record<number, number>>;
  readonly httpProxyPort: number;
  readonly adminPort: number;
}

export const keyOf = (workload: Pick<Workload, 'namespace' | 'name'>): string => `${workload.namespace}/${workload.name}`;

/** Ports that others dial on a workload: those of its containers, and those its services lead to. First the first container's. */
export function targetPorts(model: Model, workload: Workload): number[] {
  const named = workload.containerPorts.filter(port => port.protocol !== 'UDP').map(port => port.port);
  return [...new Set([...named, ...model.targetsOf(workload).map(target => target.targetPort)])];
}

/** The second number of each workload's block, from 2 on: by hash, so that a workload keeps its addresses from run to run. */
const FIRST = 2;
const BLOCKS = 253;
/** Ports of the proxy itself, beside those of its Pod's containers. */
const HTTP_PROXY_PORT = 15080;
const ADMIN_PORT = 15000;
/** Ports for the form with one address: 112 workloads of 200 ports each, below those that systems hand out for outgoing connections. */
const SINGLE_FIRST = 10240;
const SINGLE_SIZE = 200;
const SINGLE_COUNT = 112;

/** Gives every workload a place; those placed before keep theirs. `takePort` hands out a free port of 127.0.0.1. */
export function placeWorkloads(model: Model, loopback: Loopback, before: ReadonlyMap<string, Place>, takePort: () => number): Map<string, Place> {
  const places = new Map<string, Place>();
  const workloads = [...model.workloads].sort((a, b) => compare(keyOf(a), keyOf(b)));
  const count = loopback === 'block' ? BLOCKS : SINGLE_COUNT;
  const taken = new Set([...before.values()].map(place => place.block));
  for (const workload of workloads) {
    const key = keyOf(workload);
    const known = before.get(key);
    const appPorts: Record<number, number> = { ...known?.appPorts };
    // A gateway has no application; its proxy alone listens.
    if (!workload.gateway) for (const port of targetPorts(model, workload)) appPorts[port] ??= takePort();
    if (known !== undefined) {
      places.set(key, { ...known, appPorts, ...loopback === 'single' && { listenPorts: listenPorts(model, workload, known) } });
      continue;
    }
    const slot = slotOf(key, count, index => !taken.has(blockAt(loopback, index)));
    if (slot === undefined) {
      throw new MeshError('MESH_ADDRESS_BLOCK', `this machine's loopback addresses have room for ${count} workloads, got ${workloads.length}; run a part of them`);
    }
    const block = blockAt(loopback, slot);
    taken.add(block);
    places.set(key, loopback === 'block'
      ? { key, block, ip: `127.${FIRST + slot}.0.1`, listenPorts: {}, appPorts, httpProxyPort: HTTP_PROXY_PORT, adminPort: ADMIN_PORT }
      : single(model, workload, { key, block, appPorts, first: SINGLE_FIRST + slot * SINGLE_SIZE }));
  }
  return places;
}

function blockAt(loopback: Loopback, slot: number): string {
  if (loopback === 'block') return `127.${FIRST + slot}.0.0/16`;
  const first = SINGLE_FIRST + slot * SINGLE_SIZE;
  // The last 50 ports of a share are the Pod's own and the proxy's.
  return `127.0.0.1:${first}-${first + SINGLE_SIZE - 51}`;
}

function single(model: Model, workload: Workload, given: { key: string; block: string; appPorts: Record<number, number>; first: number }): Place {
  const own = given.first + SINGLE_SIZE - 50;
  const place = { key: given.key, block: given.block, ip: '127.0.0.1', listenPorts: {}, appPorts: given.appPorts, httpProxyPort: own, adminPort: own + 1 };
  return { ...place, listenPorts: listenPorts(model, workload, place) };
}

/** Ports of the one address for the target ports of a workload; what it has it keeps. */
function listenPorts(model: Model, workload: Workload, place: Pick<Place, 'adminPort' | 'listenPorts'>): Record<number, number> {
  const ports: Record<number, number> = { ...place.listenPorts };
  let next = Math.max(place.adminPort, ...Object.values(ports));
  for (const port of targetPorts(model, workload)) ports[port] ??= next += 1;
  return ports;
}

/** Whether addresses beyond 127.0.0.1 can be listened on; on macOS they cannot until somebody configures them. */
export async function loopbackOf(): Promise<Loopback> {
  return await canListen('127.2.0.1', 0) === undefined ? 'block' : 'single';
}

/** Whether an address and port are free: `undefined`, or the reason why not. */
export function canListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Hands out ports of 127.0.0.1 that are free now, none of them twice. */
export function portTaker(): () => Promise<number> {
  const given = new Set<number>();
  const next = (): Promise<number> => new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
  return async () => {
    for (;;) {
      const port = await next();
      if (!given.has(port)) {
        given.add(port);
        return port;
      }
    }
  };
}

