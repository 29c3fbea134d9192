import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { exportToRules, quote, selectorRules } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isFqdn, isIp, isLabel, isPartialWildcard, isPort, isProtocol, isSubnet, isUnixPath, isWildcardDomain, protocolClass } from './predicates';
import { entryRules } from './workloads';
import type { WorkloadEntrySpec } from './workloads';

/** A ServiceEntry as far as rules read it. */
export interface ServiceEntrySpec {
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly { readonly number?: number; readonly name?: string; readonly protocol?: string; readonly targetPort?: number }[];
  readonly location?: string;
  readonly resolution?: string;
  readonly endpoints?: readonly WorkloadEntrySpec[];
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly exportTo?: readonly string[];
}

/** Port names and protocols count as HTTP or TLS for telling hosts apart. */
const isTold = (protocol: string | undefined): boolean => protocolClass(protocol ?? '') !== 'tcp';

/** istio-validation §1.5. */
export function serviceEntryRules(context: Context): void {
  for (const resource of context.sound<ServiceEntrySpec>('ServiceEntry')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    const { metadata } = resource;
    hosts(at, spec);
    addresses(at, spec);
    ports(at, spec);
    const list = spec.endpoints ?? [];
    if (spec.workloadSelector !== undefined) {
      selectorRules(at, spec.workloadSelector.labels, ['spec', 'workloadSelector']);
      if (list.length > 0) at.invalid(['spec', 'endpoints'], 'MESH_FIELD_EXCLUSIVE', 'endpoints and workloadSelector exclude each other, got both', 'keep one of them');
    }
    RESOLUTIONS[spec.resolution ?? 'NONE']?.(at, spec);
    if (spec.resolution === 'DYNAMIC_DNS' && spec.location === 'MESH_INTERNAL' && metadata.labels['istio.io/use-waypoint'] !== undefined) {
      at.invalid(['metadata', 'labels', 'istio.io/use-waypoint'], 'MESH_RESOLUTION_INVALID', 'resolution DYNAMIC_DNS inside the mesh takes no waypoint, got one', 'use location MESH_EXTERNAL');
    }
    ambiguities(at, spec, metadata.labels['networking.istio.io/enable-autoallocate-ip'] !== 'false');
    exportToRules(at, spec.exportTo, metadata.namespace, { none: true });
  }
}

function hosts(at: Reporter, { hosts: list = [], resolution = 'NONE' }: ServiceEntrySpec): void {
  if (list.length === 0) at.invalid(['spec'], 'MESH_HOST_MISSING', 'a ServiceEntry names at least one host, got none', 'add hosts');
  list.forEach((host, index) => {
    const path = ['spec', 'hosts', index];
    if (host === '*' || !isWildcardDomain(host)) {
      at.invalid(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is a DNS name or *.suffix, got ${quote(host)}`, 'write the host without scheme, port or path');
    } else if (isPartialWildcard(host) && resolution !== 'DYNAMIC_DNS') {
      at.doubtful(path, 'MESH_HOST_INVALID', `a wildcard replaces whole parts of a name, got ${host}`, 'write *.suffix');
    }
  });
}

function addresses(at: Reporter, { addresses: list, resolution = 'NONE' }: ServiceEntrySpec): void {
  list?.forEach((address, index) => {
    const path = ['spec', 'addresses', index];
    if (!isSubnet(address)) {
      at.invalid(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} is an IP address or block, got ${quote(address)}`, 'correct it');
    } else if (address.includes('/') && !['NONE', 'STATIC'].includes(resolution)) {
      at.invalid(path, 'MESH_ADDRESS_INVALID', `a block of addresses needs resolution NONE or STATIC, got ${address} with ${resolution}`, 'name one address');
    }
  });
}

function ports(at: Reporter, { ports: list }: ServiceEntrySpec): void {
  const seen = { number: new Set<number>(), name: new Set<string>() };
  list?.forEach((port, index) => {
    const path = ['spec', 'ports', index];
    const { number, name, protocol = '', targetPort = 0 } = port;
    if (number !== undefined) {
      if (!isPort(number)) at.invalid([...path, 'number'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${number}`, 'choose one in that range');
      if (seen.number.has(number)) at.invalid([...path, 'number'], 'MESH_PORT_DUPLICATE', `port numbers of a ServiceEntry differ, got ${number} twice`, 'remove one');
      seen.number.add(number);
    }
    if (name !== undefined) {
      if (!isLabel(name)) at.invalid([...path, 'name'], 'MESH_NAME_INVALID', `a port's name has letters, digits and -, got ${quote(name)}`, 'correct the name');
      if (seen.name.has(name)) at.invalid([...path, 'name'], 'MESH_PORT_DUPLICATE', `port names of a ServiceEntry differ, got ${name} twice`, 'rename one');
      seen.name.add(name);
    }
    if (!isProtocol(protocol)) at.invalid([...path, 'protocol'], 'MESH_PROTOCOL_UNKNOWN', `a protocol is HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, got ${quote(protocol)}`, 'choose one of them');
    if (targetPort !== 0 && !isPort(targetPort)) at.invalid([...path, 'targetPort'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${targetPort}`, 'choose one in that range');
  });
}

/** What each way of finding addresses asks of the entry. */
const RESOLUTIONS: Readonly<Record<string, (at: Reporter, spec: ServiceEntrySpec) => void>> = {
  NONE: none, STATIC: fixed, DNS: dns, DNS_ROUND_ROBIN: dns, DYNAMIC_DNS: dynamic,
};

function none(at: Reporter, { endpoints: list = [], workloadSelector }: ServiceEntrySpec): void {
  if (list.length > 0) at.invalid(['spec', 'endpoints'], 'MESH_RESOLUTION_INVALID', 'resolution NONE takes no endpoints, got some', 'use resolution STATIC or DNS');
  if (workloadSelector !== undefined) {
    at.doubtful(['spec', 'workloadSelector'], 'MESH_RESOLUTION_INVALID', 'resolution NONE sends to the address that was dialled, got a workloadSelector beside it', 'use resolution STATIC');
  }
}

function fixed(at: Reporter, spec: ServiceEntrySpec): void {
  spec.endpoints?.forEach((endpoint, index) => {
    const path = ['spec', 'endpoints', index];
    const { address = '', network = '' } = endpoint;
    if (address.startsWith('unix://')) {
      if (!isUnixPath(address.slice('unix://'.length))) at.invalid([...path, 'address'], 'MESH_ADDRESS_INVALID', `a unix address is unix:///path or unix://@name, got ${quote(address)}`, 'correct it');
      if ((spec.ports ?? []).length !== 1) at.invalid([...path, 'address'], 'MESH_PORT_INVALID', `a unix address serves exactly one port, got ${(spec.ports ?? []).length}`, 'write one ServiceEntry for each');
      if (Object.keys(endpoint.ports ?? {}).length > 0) at.invalid([...path, 'ports'], 'MESH_PORT_INVALID', 'a unix address has no ports, got some', 'remove ports');
    } else if (address === '' && network === '') {
      at.invalid(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} has an address, got none`, 'add address');
    } else if (address === '') {
      at.doubtful(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} without address is reached through the gateway of its network, got network ${network}`, 'add address where one is known');
    } else if (!isIp(address)) {
      at.invalid([...path, 'address'], 'MESH_ADDRESS_INVALID', `an endpoint of resolution STATIC is an IP address or unix:// path, got ${quote(address)}`, 'use resolution DNS for a name');
    }
    endpointPorts(at, spec, endpoint, path);
  });
}

function dns(at: Reporter, spec: ServiceEntrySpec): void {
  const { hosts: names = [], endpoints: list = [], resolution = '' } = spec;
  if (list.length === 0) {
    const wildcard = names.findIndex(host => !isFqdn(host));
    if (wildcard >= 0) {
      at.invalid(['spec', 'hosts', wildcard], 'MESH_HOST_WILDCARD', `resolution ${resolution} without endpoints looks the host up, got ${names[wildcard]}`,
        'name the host fully, add endpoints, or use resolution NONE');
    }
  }
  if (resolution === 'DNS_ROUND_ROBIN' && list.length > 1) {
    at.invalid(['spec', 'endpoints'], 'MESH_RESOLUTION_INVALID', `resolution DNS_ROUND_ROBIN takes one endpoint, got ${list.length}`, 'use resolution DNS');
  }
  list.forEach((endpoint, index) => {
    const path = ['spec', 'endpoints', index];
    const { address = '' } = endpoint;
    if (!isIp(address) && !isFqdn(address)) {
      at.invalid([...path, 'address'], 'MESH_ADDRESS_INVALID', `an endpoint is an IP address or DNS name, got ${quote(address)}`, 'correct it');
    }
    endpointPorts(at, spec, endpoint, path);
  });
}

function dynamic(at: Reporter, spec: ServiceEntrySpec): void {
  spec.hosts?.forEach((host, index) => {
    if (!host.startsWith('*')) at.invalid(['spec', 'hosts', index], 'MESH_RESOLUTION_INVALID', `resolution DYNAMIC_DNS takes wildcard hosts, got ${host}`, 'use resolution DNS');
  });
  for (const field of ['addresses', 'endpoints'] as const) {
    if ((spec[field]?.length ?? 0) > 0) at.invalid(['spec', field], 'MESH_RESOLUTION_INVALID', `resolution DYNAMIC_DNS takes no ${field}, got some`, `remove ${field}`);
  }
  spec.ports?.forEach(({ protocol = '' }, index) => {
    if (!['HTTP', 'HTTP2', 'GRPC', 'TLS'].includes(protocol.toUpperCase())) {
      at.invalid(['spec', 'ports', index, 'protocol'], 'MESH_RESOLUTION_INVALID', `resolution DYNAMIC_DNS takes the protocols HTTP, HTTP2, GRPC and TLS, got ${quote(protocol)}`, 'choose one of them');
    }
  });
}

function endpointPorts(at: Reporter, spec: ServiceEntrySpec, endpoint: WorkloadEntrySpec, path: Path): void {
  const names = new Set((spec.ports ?? []).map(port => port.name));
  for (const name of Object.keys(endpoint.ports ?? {})) {
    if (!names.has(name)) at.invalid([...path, 'ports', name], 'MESH_PORT_UNKNOWN', `an endpoint's ports are those of the ServiceEntry, got ${name}`, `use one of ${[...names].join(', ')}`);
  }
  entryRules(at, endpoint, path);
}

const OVER_TCP: ReadonlySet<string> = new Set(['TCP', 'HTTPS', 'TLS', 'MONGO', 'REDIS', 'MYSQL']);

/** Hosts that connections cannot tell apart. */
function ambiguities(at: Reporter, spec: ServiceEntrySpec, mayAllocate: boolean): void {
  const { hosts: names = [], addresses: given = [], ports: list = [], resolution = 'NONE' } = spec;
  const plain = list.filter(({ protocol }) => !isTold(protocol));
  if (names.length > 1 && plain.length > 0 && resolution !== 'NONE') {
    at.invalid(['spec', 'hosts'], 'MESH_HOST_AMBIGUOUS', `several hosts share only HTTP and TLS ports, got port ${plain[0].number ?? ''} of protocol ${plain[0].protocol ?? 'TCP'}`,
      'write one ServiceEntry for each host');
  }
  const raw = list.findIndex(({ protocol = '' }) => ['', 'TCP'].includes(protocol.toUpperCase()));
  const allocates = mayAllocate && resolution !== 'NONE';
  if (raw >= 0 && given.length === 0 && (!allocates || names.some(host => host.includes('*')))) {
    const message = `a TCP port without addresses takes every connection to its number, got port ${list[raw].number ?? ''}`;
    // Wildcards are given no address either, which Istio does not tell.
    if (allocates) at.say(['spec', 'ports', raw], { code: 'MESH_HOST_AMBIGUOUS', severity: 'warning', message, repair: 'add addresses' });
    else at.doubtful(['spec', 'ports', raw], 'MESH_HOST_AMBIGUOUS', message, 'add addresses', 'IST0134');
  }
  const shared = list.findIndex(({ protocol = '' }) => OVER_TCP.has(protocol.toUpperCase()));
  if (shared >= 0 && given.length > 0 && names.length > 1 && resolution.startsWith('DNS')) {
    at.doubtful(['spec', 'ports', shared], 'MESH_HOST_AMBIGUOUS', `a TCP port with addresses belongs to the first of several hosts, got ${names.length} hosts`, 'write one ServiceEntry for each host');
  }
}
