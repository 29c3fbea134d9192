import { slotOf } from '../model/assign';
import { MeshError } from '../model/error';
import type { Model } from '../model/model';
import type { ExplicitCapture, Proxy } from '../model/proxy';
import { compare } from '../model/resource';
import type { Service } from '../model/service';

/**
 * Everything that explicit capture changes. Outbound, each service has an address (or each service port a port) of the proxy's own
 * block, and listeners really bind there; inbound, listeners bind the Pod's address and forward to the application on 127.0.0.1.
 * The rows that readers of `view.explicit` implement, and nothing else may differ:
 *
 * | what | iptables | explicit |
 * |---|---|---|
 * | outbound listener | `0.0.0.0_PORT` or `VIP_PORT`, not bound | `VIP_PORT` (or `127.0.0.1_SLOT`), bound, `enable_reuse_port: false` |
 * | shared route configuration | `PORT` | `PORT` with the VIPs as further domains; port form: `HOST:PORT` with `127.0.0.1`, `localhost` |
 * | virtualOutbound, virtualInbound, original-destination clusters | present | absent |
 * | routes of the HTTP proxy | ports in Host are ignored | ports in Host count: one listener serves every port |
 * | catch-all | PassthroughCluster | answer 502 |
 * | services of resolution NONE, headless services, PASSTHROUGH balancing | ORIGINAL_DST | EDS |
 * | inbound listener | chains of virtualInbound | `PODIP_TARGETPORT` with the same chains |
 * | inbound cluster | ORIGINAL_DST | STATIC, 127.0.0.1 and the application's port |
 * | gateway listener | 0.0.0.0 | the Pod's own address |
 * | ports below 1024 on an unprivileged Pod | dropped (gateways) | moved up by 10000 |
 */
export interface ExplicitTable {
  /** `address`: an address for each service; `port`: one address, a port for each service port. */
  readonly form: 'address' | 'port';
  readonly podAddress: string;
  readonly httpProxyPort: number;
  /** Where the application listens on 127.0.0.1 for a target port that others dial. */
  readonly appPort: (targetPort: number) => number;
  /** Where the proxy itself listens for a target port. */
  readonly inboundPort: (targetPort: number) => number;
  /** Where the proxy listens for a service port. */
  readonly addressOf: (service: Pick<Service, 'hostname' | 'namespace'>, port: number) => { readonly address: string; readonly port: number };
}

export function explicitTable(model: Model, proxy: Proxy): ExplicitTable | undefined {
  if (proxy.capture !== 'explicit') return undefined;
  const capture = explicitCapture(proxy);
  const unprivileged = proxy.metadata.UNPRIVILEGED_POD === 'true' || proxy.metadata.UNPRIVILEGED_POD === true;
  const bindable = (port: number): number => (unprivileged && port < 1024 ? port + 10_000 : port);
  const ports = /^([\d.]+):(\d+)-(\d+)$/.exec(capture.addressBlock);
  const common = {
    podAddress: proxy.ips[0] ?? '127.0.0.1',
    httpProxyPort: capture.httpProxyPort,
    appPort: (targetPort: number) => capture.appPorts[targetPort] ?? targetPort,
  };
  const { listenPorts } = model.workloadOf(proxy);
  const inboundPort = (targetPort: number): number => listenPorts[targetPort] ?? bindable(targetPort);
  if (ports !== null) {
    const [, address, low, high] = ports;
    const slots = slotsOf(model, `${low}-${high}`, () => portSlots(model, Number(low), Number(high)));
    return {
      ...common,
      form: 'port',
      inboundPort,
      addressOf: (service, port) => ({ address, port: slots.get(`${keyOf(service)}:${port}`) ?? 0 }),
    };
  }
  const block = /^127\.(\d+)\.0\.0\/16$/.exec(capture.addressBlock);
  if (block === null) {
    throw new MeshError('MESH_ADDRESS_BLOCK', `ADDRESS_BLOCK must be like 127.7.0.0/16 or 127.0.0.1:20000-20999, got "${capture.addressBlock}"; correct the node metadata`, proxy.id);
  }
  const slots = slotsOf(model, 'addresses', () => addressSlots(model));
  return {
    ...common,
    form: 'address',
    inboundPort,
    addressOf: (service, port) => {
      const slot = slots.get(keyOf(service)) ?? 0;
      return { address: `127.${block[1]}.${Math.floor(slot / 254) + 1}.${slot % 254 + 1}`, port: bindable(port) };
    },
  };
}

/** The explicit-capture keys of node metadata, with their defaults. */
export function explicitCapture(proxy: Pick<Proxy, 'metadata'>): ExplicitCapture {
  const { ADDRESS_BLOCK: block, APP_PORTS: ports, HTTP_PROXY_PORT: proxyPort } = proxy.metadata;
  const parsed = typeof ports === 'string' ? JSON.parse(ports) as Record<string, unknown> : ports ?? {};
  return {
    addressBlock: typeof block === 'string' && block !== '' ? block : '127.1.0.0/16',
    appPorts: Object.fromEntries(Object.entries(parsed as object).map(([port, own]) => [Number(port), Number(own)])),
    httpProxyPort: Number(proxyPort ?? 0),
  };
}

/** Where a workload finds a service port under explicit capture: the environment that `up` gives applications, and what a simulator dials. */
export function virtualAddress(
  model: Model, proxy: Proxy, service: Pick<Service, 'hostname' | 'namespace'>, port: number,
): { readonly address: string; readonly port: number } | undefined {
  return explicitTable(model, proxy)?.addressOf(service, port);
}

type Slots = ReadonlyMap<string, number>;

/** Slots are the same for every proxy that knows the same services. */
const SLOTS = new WeakMap<readonly Service[], Map<string, Slots>>();

function slotsOf({ services }: Model, block: string, make: () => Slots): Slots {
  const blocks = SLOTS.get(services) ?? new Map<string, Slots>();
  SLOTS.set(services, blocks);
  const slots = blocks.get(block) ?? make();
  blocks.set(block, slots);
  return slots;
}

const keyOf = (service: Pick<Service, 'hostname' | 'namespace'>): string => `${service.namespace}/${service.hostname}`;

/** 254 addresses in each of 255 blocks: x.x.0.x is the Pod's own. */
const ADDRESSES = 254 * 255;

function addressSlots(model: Model): ReadonlyMap<string, number> {
  return assign([...new Set(model.services.map(keyOf))], ADDRESSES);
}

function portSlots(model: Model, low: number, high: number): ReadonlyMap<string, number> {
  const keys = new Set(model.services.flatMap(service => service.ports.map(port => `${keyOf(service)}:${port.number}`)));
  return new Map([...assign([...keys], high - low + 1)].map(([key, slot]) => [key, low + slot]));
}

/** A slot for each key by its hash, the next free one where it is taken: another key moves only what it collides with. */
function assign(keys: readonly string[], count: number): ReadonlyMap<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const key of [...keys].sort(compare)) {
    const slot = slotOf(key, count, free => !taken.has(free));
    if (slot === undefined) {
      throw new MeshError('MESH_ADDRESS_BLOCK', `ADDRESS_BLOCK must have a place for each of ${keys.length} names, got ${count}; give a larger block`);
    }
    taken.add(slot);
    slots.set(key, slot);
  }
  return slots;
}
