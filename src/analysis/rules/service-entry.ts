import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { doubtful, invalid } from './context';
import type { Context } from './context';
import { isFqdn, isIp, isLabel, isPartialWildcard, isPort, isProtocol, isSubnet, isWildcardDomain } from './predicates';

interface ServiceEntrySpec {
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly { readonly number?: number; readonly name?: string; readonly protocol?: string; readonly targetPort?: number }[];
  readonly resolution?: string;
  readonly endpoints?: readonly { readonly address?: string; readonly ports?: Readonly<Record<string, number>> }[];
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
}

/** istio-validation §1.5. */
export function serviceEntryRules(context: Context): void {
  for (const resource of context.sound<ServiceEntrySpec>('ServiceEntry')) {
    const spec = resource.spec ?? {};
    const fault = (path: Path, code: string, message: string, repair: string) => context.report(resource, path, invalid(code, message, repair));
    const resolution = spec.resolution ?? 'NONE';
    const hosts = spec.hosts ?? [];
    if (hosts.length === 0 && spec.hosts !== undefined) fault(['spec', 'hosts'], 'MESH_HOST_MISSING', 'a ServiceEntry names at least one host, got []', 'add a host');
    hosts.forEach((host, index) => {
      const path = ['spec', 'hosts', index];
      if (host === '*' || !isWildcardDomain(host)) {
        fault(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is a DNS name or *.suffix, got ${JSON.stringify(host)}`, 'write the host without scheme, port or path');
      } else if (isPartialWildcard(host) && resolution !== 'DYNAMIC_DNS') {
        context.report(resource, path, doubtful('MESH_HOST_INVALID', `a wildcard replaces whole parts of a name, got ${host}`, 'write *.suffix'));
      }
    });
    spec.addresses?.forEach((address, index) => {
      const path = ['spec', 'addresses', index];
      if (!isSubnet(address)) fault(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} is an IP address or block, got ${JSON.stringify(address)}`, 'correct it');
      else if (address.includes('/') && !['NONE', 'STATIC'].includes(resolution)) fault(path, 'MESH_ADDRESS_INVALID', `a block of addresses needs resolution NONE or STATIC, got ${address} with ${resolution}`, 'name one address');
    });
    ports(spec, fault);
    endpoints(spec, resolution, hosts, fault);
  }
}

type Fault = (path: Path, code: string, message: string, repair: string) => void;

function ports(spec: ServiceEntrySpec, fault: Fault): void {
  const numbers = new Set<number>();
  const names = new Set<string>();
  spec.ports?.forEach((port, index) => {
    const path = ['spec', 'ports', index];
    if (port.number !== undefined) {
      if (numbers.has(port.number)) fault([...path, 'number'], 'MESH_PORT_DUPLICATE', `port numbers of a ServiceEntry differ, got ${port.number} twice`, 'remove one');
      numbers.add(port.number);
    }
    if (port.name !== undefined) {
      if (!isLabel(port.name)) fault([...path, 'name'], 'MESH_NAME_INVALID', `a port's name has letters, digits and -, got ${JSON.stringify(port.name)}`, 'correct the name');
      if (names.has(port.name)) fault([...path, 'name'], 'MESH_PORT_DUPLICATE', `port names of a ServiceEntry differ, got ${port.name} twice`, 'rename one');
      names.add(port.name);
    }
    if (!isProtocol(port.protocol ?? '')) fault([...path, 'protocol'], 'MESH_PROTOCOL_UNKNOWN', `a protocol is HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, got ${JSON.stringify(port.protocol)}`, 'choose one of them');
  });
  const plain = (spec.ports ?? []).filter(port => !/^(http|http2|https|tls|grpc|grpc-web)$/i.test(port.protocol ?? ''));
  if ((spec.hosts?.length ?? 0) > 1 && plain.length > 0 && (spec.resolution ?? 'NONE') !== 'NONE') {
    fault(['spec', 'hosts'], 'MESH_HOST_AMBIGUOUS', `several hosts share only HTTP and TLS ports, got port ${plain[0].number ?? ''} of protocol ${plain[0].protocol ?? 'TCP'}`, 'write one ServiceEntry for each host');
  }
}

function endpoints(spec: ServiceEntrySpec, resolution: string, hosts: readonly string[], fault: Fault): void {
  const list = spec.endpoints ?? [];
  if (list.length > 0 && spec.workloadSelector !== undefined) fault(['spec', 'endpoints'], 'MESH_FIELD_EXCLUSIVE', 'endpoints and workloadSelector exclude each other, got both', 'keep one of them');
  if (list.length > 0 && resolution === 'NONE') fault(['spec', 'endpoints'], 'MESH_RESOLUTION_INVALID', 'resolution NONE takes no endpoints, got some', 'use resolution STATIC or DNS');
  const dns = resolution === 'DNS' || resolution === 'DNS_ROUND_ROBIN';
  if (dns && list.length === 0) {
    const wildcard = hosts.findIndex(host => !isFqdn(host));
    if (wildcard >= 0) fault(['spec', 'hosts', wildcard], 'MESH_HOST_WILDCARD', `resolution ${resolution} without endpoints looks the host up, got ${hosts[wildcard]}`, 'name the host fully, add endpoints, or use resolution NONE');
  }
  if (resolution === 'DNS_ROUND_ROBIN' && list.length > 1) fault(['spec', 'endpoints'], 'MESH_RESOLUTION_INVALID', `resolution DNS_ROUND_ROBIN takes one endpoint, got ${list.length}`, 'use resolution DNS');
  const names = new Set((spec.ports ?? []).map(port => port.name));
  list.forEach((endpoint, index) => {
    const path = ['spec', 'endpoints', index];
    const address = endpoint.address ?? '';
    if (resolution === 'STATIC' && address !== '' && !isIp(address) && !address.startsWith('unix://')) {
      fault([...path, 'address'], 'MESH_ADDRESS_INVALID', `an endpoint of resolution STATIC is an IP address or unix:// path, got ${JSON.stringify(address)}`, 'use resolution DNS for a name');
    }
    if (dns && address !== '' && !isIp(address) && !isFqdn(address)) fault([...path, 'address'], 'MESH_ADDRESS_INVALID', `an endpoint is an IP address or DNS name, got ${JSON.stringify(address)}`, 'correct it');
    for (const [name, number] of Object.entries(endpoint.ports ?? {})) {
      if (!names.has(name)) fault([...path, 'ports', name], 'MESH_PORT_UNKNOWN', `an endpoint's ports are those of the ServiceEntry, got ${name}`, `use one of ${[...names].join(', ')}`);
      if (!isPort(number)) fault([...path, 'ports', name], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${number}`, 'choose one in that range');
    }
  });
}
