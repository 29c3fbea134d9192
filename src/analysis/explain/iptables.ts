import type { Workload } from '../../model/service';

/** Where the rules that Istio sets in a Pod's network send a connection. */
export interface Way {
  /** Whether the Pod's proxy gets it. */
  readonly captured: boolean;
  /** `nat OUTPUT → ISTIO_OUTPUT → ISTIO_REDIRECT`. */
  readonly chains: string;
  readonly because: string;
}

type Pod = Pick<Workload, 'annotations' | 'gateway'>;

const INBOUND_PORT = 15006;
const OUTBOUND_PORT = 15001;
/** Ports of the proxy itself, which Istio leaves out for every Pod. */
const OWN_PORTS = ['15090', '15021', '15020'];
const TRAFFIC = 'traffic.sidecar.istio.io/';
const MODE = 'sidecar.istio.io/interceptionMode';

/** Whether Istio sets rules in the Pod at all: gateways are dialled themselves, and a Pod may ask for none. */
export const isIntercepted = ({ annotations, gateway }: Pod): boolean => !gateway && annotations[MODE] !== 'NONE';

/** A connection that an application opens, in the order of the rules of `ISTIO_OUTPUT`. */
export function outboundWay(pod: Pod, { address, port }: { readonly address: string; readonly port: number }): Way {
  const past = (because: string): Way => ({ captured: false, chains: 'nat OUTPUT → ISTIO_OUTPUT → RETURN', because });
  const taken = (because: string): Way => ({
    captured: true, chains: 'nat OUTPUT → ISTIO_OUTPUT → ISTIO_REDIRECT', because: `${because}; redirected to port ${OUTBOUND_PORT}`,
  });
  const list = (name: string) => listOf(pod, name);
  if (list('excludeOutboundPorts')?.includes(String(port))) return past(`${TRAFFIC}excludeOutboundPorts leaves out port ${port}`);
  if (address === '127.0.0.1') return past('127.0.0.1 stays in the Pod');
  const excluded = list('excludeOutboundIPRanges')?.find(range => covers(range, address));
  if (excluded !== undefined) return past(`${TRAFFIC}excludeOutboundIPRanges leaves out ${excluded}`);
  if (list('includeOutboundPorts')?.includes(String(port))) return taken(`${TRAFFIC}includeOutboundPorts takes port ${port}`);
  const ranges = list('includeOutboundIPRanges') ?? ['*'];
  const included = ranges.find(range => range === '*' || covers(range, address));
  if (included === undefined) return past(`${TRAFFIC}includeOutboundIPRanges has no range for ${address}`);
  return taken(included === '*' ? `no rule leaves ${address}:${port} out` : `${TRAFFIC}includeOutboundIPRanges takes ${included}`);
}

/** A connection that comes to a Pod. */
export function inboundWay(pod: Pod, port: number): Way {
  const transparent = pod.annotations[MODE] === 'TPROXY';
  const table = transparent ? 'mangle' : 'nat';
  const past = (because: string): Way => ({ captured: false, chains: `${table} PREROUTING → ISTIO_INBOUND → RETURN`, because });
  const ports = listOf(pod, 'includeInboundPorts') ?? ['*'];
  if (!ports.includes('*') && !ports.includes(String(port))) return past(`${TRAFFIC}includeInboundPorts leaves out port ${port}`);
  if (ports.includes('*')) {
    if (OWN_PORTS.includes(String(port))) return past(`port ${port} is the proxy's own`);
    if (listOf(pod, 'excludeInboundPorts')?.includes(String(port))) return past(`${TRAFFIC}excludeInboundPorts leaves out port ${port}`);
  }
  return {
    captured: true,
    chains: `${table} PREROUTING → ISTIO_INBOUND → ${transparent ? 'ISTIO_TPROXY' : 'ISTIO_IN_REDIRECT'}`,
    because: `no rule leaves port ${port} out; redirected to port ${INBOUND_PORT}`,
  };
}

/** What a proxy sends itself is not redirected again. */
export const PROXY_OUT: Way = { captured: false, chains: 'nat OUTPUT → ISTIO_OUTPUT → RETURN', because: 'the proxy sends it (user 1337), so it leaves as it is' };
/** From a proxy to the application beside it. */
export const TO_APPLICATION: Way = { captured: false, chains: 'nat OUTPUT → ISTIO_OUTPUT → RETURN', because: 'the proxy sends it from 127.0.0.6, so it reaches the application' };

/** Answers: the kernel knows the connection, so what it did to its addresses it undoes by itself. */
export const BACK: Way = { captured: false, chains: 'connection tracking', because: 'the answer goes back on its connection, which no chain looks at again' };
/** A gateway's Pod has no rules. */
export const NOT_REDIRECTED: Way = { captured: false, chains: 'none', because: 'a gateway is dialled itself, so nothing is redirected' };

/** Items of an annotation; undefined where the Pod does not have it. */
function listOf({ annotations }: Pod, name: string): string[] | undefined {
  const text = annotations[`${TRAFFIC}${name}`];
  return text?.split(',').map(item => item.trim()).filter(item => item !== '');
}

/** Whether an IPv4 range holds an address; of IPv6 only the same text. */
function covers(range: string, address: string): boolean {
  const [base, length = '32'] = range.split('/');
  const [a, b] = [bits(base!), bits(address)];
  if (a === undefined || b === undefined) return base === address;
  const rest = 2 ** (32 - Number(length));
  return Math.floor(a / rest) === Math.floor(b / rest);
}

function bits(address: string): number | undefined {
  const parts = address.split('.').map(Number);
  return parts.length === 4 && parts.every(part => part >= 0 && part < 256) ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined;
}
