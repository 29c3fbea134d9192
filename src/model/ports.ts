import type { Protocol } from './service';

/** Protocol selection of ports (istio-behaviour A2). */

const BY_NAME: Readonly<Record<string, Protocol>> = {
  'tcp': 'TCP',
  'udp': 'UDP',
  'grpc': 'GRPC',
  'grpc-web': 'GRPC-Web',
  'http': 'HTTP',
  'http2': 'HTTP2',
  'http_proxy': 'HTTP_PROXY',
  'https': 'HTTPS',
  'tls': 'TLS',
  'mongo': 'Mongo',
  'redis': 'Redis',
  'mysql': 'MySQL',
};

const APP_PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'kubernetes.io/h2c': 'HTTP2', 'kubernetes.io/ws': 'HTTP', 'kubernetes.io/wss': 'HTTPS',
};

/** SMTP, DNS, MySQL and MongoDB wait for the server to speak first: detection would hang. */
const SERVER_FIRST: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** Protocol written out in a ServiceEntry, Gateway or Sidecar port; unknown words are detected per connection. */
export function parseProtocol(text: string): Protocol {
  const key = text.toLowerCase();
  return Object.hasOwn(BY_NAME, key) ? BY_NAME[key] : 'Auto';
}

/** What a Kubernetes Service says of a port. */
export interface PortFacts {
  readonly number: number;
  readonly name?: string;
  readonly appProtocol?: string;
  /** L4 protocol. */
  readonly protocol?: string;
}

/** Protocol of a port of a Kubernetes Service, from its L4 protocol, appProtocol, name and number. */
export function selectProtocol(port: PortFacts): Protocol {
  if (port.protocol === 'UDP') return 'UDP';
  const text = port.appProtocol ?? port.name ?? '';
  if (port.appProtocol !== undefined && Object.hasOwn(APP_PROTOCOLS, text)) return APP_PROTOCOLS[text];
  if (text.toLowerCase().startsWith('grpc-web')) return 'GRPC-Web';
  const protocol = parseProtocol(text.split('-', 1)[0]);
  return protocol === 'Auto' && SERVER_FIRST.has(port.number) ? 'TCP' : protocol;
}

/** Served by an HTTP listener. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'HTTP' || protocol === 'HTTP_PROXY' || isHttp2(protocol);
}

/** Dialled with HTTP/2 upstream. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === 'HTTP2' || protocol === 'GRPC' || protocol === 'GRPC-Web';
}

/** Served by a TCP listener. */
export function isTcp(protocol: Protocol): boolean {
  return protocol === 'TCP' || protocol === 'Mongo' || protocol === 'Redis' || protocol === 'MySQL' || isTls(protocol);
}

/** Told apart by SNI. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'HTTPS' || protocol === 'TLS';
}

/** What is left once a gateway has terminated TLS. */
export function afterTermination(protocol: Protocol): Protocol {
  return protocol === 'HTTPS' ? 'HTTP' : protocol === 'TLS' ? 'TCP' : protocol;
}
