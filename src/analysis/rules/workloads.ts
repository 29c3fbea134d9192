import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { labelRules, quote } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isFqdn, isHeaderName, isIp, isLabel, isPort, isUnixPath } from './predicates';

/** A WorkloadEntry, or an endpoint of a ServiceEntry, as far as rules read it. */
export interface WorkloadEntrySpec {
  readonly address?: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly network?: string;
}

interface Probe {
  readonly httpGet?: { readonly port?: number; readonly scheme?: string; readonly httpHeaders?: readonly { readonly name?: string }[] };
  readonly tcpSocket?: { readonly port?: number };
  readonly exec?: { readonly command?: readonly string[] };
  readonly grpc?: { readonly port?: number };
}

interface WorkloadGroupSpec {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly template?: WorkloadEntrySpec;
  readonly probe?: Probe;
}

/** istio-validation §1.7. */
export function workloadRules(context: Context): void {
  for (const resource of context.sound<WorkloadEntrySpec>('WorkloadEntry')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    addressRules(at, spec, ['spec']);
    entryRules(at, spec, ['spec']);
  }
  for (const resource of context.sound<WorkloadGroupSpec>('WorkloadGroup')) {
    const at = reporter(context, resource);
    const { metadata, template, probe } = resource.spec ?? {};
    if (template === undefined) continue; // the schema says it is missing
    labelRules(at, metadata?.labels, ['spec', 'metadata', 'labels']);
    if (probe !== undefined) probeRules(at, probe, ['spec', 'probe']);
  }
}

function addressRules(at: Reporter, entry: WorkloadEntrySpec, path: Path): void {
  const { address = '', network = '', ports = {} } = entry;
  const place = [...path, 'address'];
  if (address === '') {
    if (network === '') at.invalid(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} has an address, got none`, 'add address, or network where only its gateway is known');
    else at.doubtful(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} without address is reached through the gateway of its network, got network ${network}`, 'add address where one is known');
  } else if (address.startsWith('unix://')) {
    if (!isUnixPath(address.slice('unix://'.length))) at.invalid(place, 'MESH_ADDRESS_INVALID', `a unix address is unix:///path or unix://@name, got ${quote(address)}`, 'correct it');
    if (Object.keys(ports).length > 0) at.invalid([...path, 'ports'], 'MESH_PORT_INVALID', 'a unix address has no ports, got some', 'remove ports');
  } else if (!isIp(address) && !isFqdn(address)) {
    at.invalid(place, 'MESH_ADDRESS_INVALID', `${fieldOf(place)} is an IP address, DNS name or unix:// path, got ${quote(address)}`, 'correct it');
  }
}

/** Ports and labels of an entry. */
export function entryRules(at: Reporter, entry: WorkloadEntrySpec, path: Path): void {
  for (const [name, number] of Object.entries(entry.ports ?? {})) {
    const place = [...path, 'ports', name];
    if (!isLabel(name)) at.invalid(place, 'MESH_NAME_INVALID', `a port's name has letters, digits and -, got ${quote(name)}`, 'correct the name');
    if (!isPort(number)) at.invalid(place, 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${number}`, 'choose one in that range');
  }
  labelRules(at, entry.labels, [...path, 'labels']);
}

function probeRules(at: Reporter, probe: Probe, path: Path): void {
  const methods = (['httpGet', 'tcpSocket', 'exec'] as const).filter(method => probe[method] !== undefined);
  if (methods.length === 0) at.invalid(path, 'MESH_FIELD_REQUIRED', `a probe has one of httpGet, tcpSocket, exec, got ${probe.grpc === undefined ? 'none' : 'grpc'}`, 'write one of them');
  const { httpGet, exec } = probe;
  const scheme = httpGet?.scheme ?? '';
  if (!['', 'HTTP', 'HTTPS'].includes(scheme)) at.invalid([...path, 'httpGet', 'scheme'], 'MESH_ENUM_INVALID', `a probe's scheme is HTTP or HTTPS, got ${quote(scheme)}`, 'choose one of them');
  httpGet?.httpHeaders?.forEach(({ name = '' }, index) => {
    if (!isHeaderName(name)) at.invalid([...path, 'httpGet', 'httpHeaders', index], 'MESH_HEADER_INVALID', `a header's name is a token, got ${quote(name)}`, 'correct the name');
  });
  if (exec !== undefined && (exec.command ?? []).length === 0) at.invalid([...path, 'exec'], 'MESH_FIELD_REQUIRED', 'a probe\'s command is not empty, got []', 'name the program');
}
