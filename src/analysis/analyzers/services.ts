import type { DestinationRuleSpec } from '../../compiler/istio-api';
import { hostSubsetOf } from '../../model/hosts';
import { objectsOf, textOf } from '../../model/json';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import type { Service, Workload } from '../../model/service';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';
import type { ServiceEntrySpec } from '../rules/service-entry';

/** Ports of services: names that say no protocol (IST0118, IST0150), workloads behind several services (IST0116, IST0137), hosts told twice (IST0177). */
export function serviceAnalysis(context: Context): void {
  for (const service of context.model.of('Service')) portNames(context, service);
  // Pods of one controller are alike.
  for (const workload of new Map(context.model.workloads.map(each => [`${each.namespace}/${each.workload}`, each])).values()) severalServices(context, workload);
  entryProtocols(context);
  plainOnTlsPort(context);
}

const CONTROL_PLANE = new Set(['kube-system', 'kube-public', 'istio-system']);

function portNames(context: Context, resource: Resource): void {
  const { namespace, labels } = resource.metadata;
  if (CONTROL_PLANE.has(namespace) || labels['gateway.istio.io/managed'] !== undefined) return;
  const external = resource.spec.type === 'ExternalName';
  const service = context.index.serviceOf(resource);
  objectsOf(resource.spec.ports).forEach((port, index) => {
    const known = service?.ports.find(({ number }) => number === Number(port.port));
    const name = textOf(port.name) ?? '';
    if (known === undefined || (port.protocol !== undefined && port.protocol !== 'TCP')) return;
    const path = ['spec', 'ports', index];
    const shown = `${name === '' ? '' : `${name} `}${known.number} → ${String(known.targetPort ?? known.number)}`;
    if (external && (known.protocol === 'Auto' || name === 'tcp')) {
      context.report(resource, path, doubtful('MESH_PORT_NAME', `a port of an ExternalName that is TCP or unknown takes connections of every address, got ${shown}`, 'name it http-…, or use a ServiceEntry', 'IST0150'));
    } else if (!external && known.protocol === 'Auto') {
      context.report(resource, path, {
        code: 'MESH_PORT_NAME',
        istioCode: 'IST0118',
        severity: 'info',
        message: `a port says its protocol by its name or appProtocol, got ${shown}; each connection is sniffed`,
        repair: `name it http${name === '' ? '' : `-${name}`} or tcp${name === '' ? '' : `-${name}`}, or add appProtocol`,
      });
    }
  });
}

/** One Pod behind several services must know by the port what is spoken. */
function severalServices(context: Context, workload: Workload): void {
  if (workload.gateway || workload.labels['security.istio.io/tlsMode'] !== 'istio') return;
  const targets = context.model.targetsOf(workload).filter(({ service }) => service.registry === 'Kubernetes');
  const byPort = new Map<number, Map<string, Service>>();
  const byTarget = new Map<number, Map<number, Service>>();
  for (const { service, port, targetPort } of targets) {
    const kind = port.protocol === 'UDP' ? 'UDP' : 'TCP';
    if (!byPort.has(port.number)) byPort.set(port.number, new Map());
    if (!byPort.get(port.number)!.has(kind)) byPort.get(port.number)!.set(kind, service);
    if (!byTarget.has(targetPort)) byTarget.set(targetPort, new Map());
    if (!byTarget.get(targetPort)!.has(port.number)) byTarget.get(targetPort)!.set(port.number, service);
  }
  const names = (services: Iterable<Service>) => [...new Set([...services].map(({ name }) => name))].sort();
  for (const [port, kinds] of byPort) {
    if (kinds.size < 2 || names(kinds.values()).length < 2) continue;
    context.report(workload.resource, [], doubtful('MESH_PORT_PROTOCOLS', `services of one workload agree on what a port speaks, got TCP and UDP on ${port} by ${names(kinds.values()).join(', ')}`,
      'use different ports', 'IST0116'));
  }
  for (const [target, ports] of byTarget) {
    if (ports.size < 2 || names(ports.values()).length < 2) continue;
    context.report(workload.resource, [], doubtful('MESH_PORT_PROTOCOLS', `services of one workload reach a port of it by one number, got ${target} by ${[...ports.keys()].sort((a, b) => a - b).join(' and ')} of ${names(ports.values()).join(', ')}`,
      'use the same port in each service, or different target ports', 'IST0137'));
  }
}

interface Port { readonly protocol: string; readonly entry: Resource<ServiceEntrySpec>; readonly index: number }

/** IST0177: one host and port with two protocols, told of each that says it. */
function entryProtocols(context: Context): void {
  const seen = new Map<string, Port[]>();
  for (const entry of context.sound<ServiceEntrySpec>('ServiceEntry')) {
    for (const host of entry.spec?.hosts ?? []) {
      entry.spec.ports?.forEach(({ number = 0, protocol = '' }, index) => {
        const key = `${host}:${number}`;
        const port = { protocol: protocol.toUpperCase(), entry, index };
        const ports = seen.get(key);
        if (ports === undefined) seen.set(key, [port]);
        else ports.push(port);
      });
    }
  }
  for (const [key, ports] of seen) {
    if (new Set(ports.map(({ protocol }) => protocol)).size < 2) continue;
    for (const { entry, protocol, index } of ports) {
      const other = ports.find(each => each.protocol !== protocol && scopesMeet(each.entry, entry));
      if (other === undefined) continue;
      context.report(entry, ['spec', 'ports', index, 'protocol'], doubtful('MESH_PORT_PROTOCOLS',
        `ServiceEntries agree on what a port speaks, got ${protocol || 'none'} for ${key} here and ${other.protocol || 'none'} in ${resourceName(other.entry)}`,
        'write the same protocol in both', 'IST0177'));
    }
  }
}

function scopesMeet(a: Resource<ServiceEntrySpec>, b: Resource<ServiceEntrySpec>): boolean {
  const scope = ({ metadata, spec: { exportTo = [] } }: Resource<ServiceEntrySpec>) => (
    (exportTo.length === 0 ? ['*'] : exportTo).map(value => (value === '.' ? metadata.namespace : value)));
  const [left, right] = [scope(a), scope(b)];
  return left.some(value => value !== '~' && (value === '*' ? !right.includes('~') : right.includes('*') || right.includes(value)));
}

/** HTTP on 443 that nobody wraps into TLS. */
function plainOnTlsPort(context: Context): void {
  const exact = new Set<string>();
  const wildcards = new Set<string>();
  for (const { metadata, spec } of context.sound<DestinationRuleSpec>('DestinationRule')) {
    const ofSubsets = (spec?.subsets ?? []).map(subset => subset.trafficPolicy);
    const policies = [spec?.trafficPolicy, ...spec?.trafficPolicy?.portLevelSettings ?? [], ...ofSubsets];
    if (policies.every(policy => (policy?.tls?.mode ?? 'DISABLE') === 'DISABLE')) continue;
    (spec.host.startsWith('*') ? wildcards : exact).add(resolveHost(spec.host, metadata.namespace, context.model.domain));
  }
  for (const entry of context.sound<ServiceEntrySpec>('ServiceEntry')) {
    const originates = (host: string) => exact.has(host) || [...wildcards].some(rule => hostSubsetOf(host, rule));
    const open = (entry.spec?.hosts ?? []).filter(host => !originates(host));
    if (open.length === 0) continue;
    entry.spec.ports?.forEach(({ number, protocol = '', targetPort }, index) => {
      if ((targetPort ?? number) !== 443 || !['HTTP', 'HTTP2', 'GRPC'].includes(protocol.toUpperCase())) return;
      context.report(entry, ['spec', 'ports', index, 'protocol'], {
        code: 'MESH_PROTOCOL_DIFFERENT',
        severity: 'warning',
        message: `port 443 speaks TLS, got protocol ${protocol} for ${open.join(', ')} and no DestinationRule that originates TLS`,
        repair: number === 443 ? 'write protocol TLS, or originate TLS in a DestinationRule' : 'add a DestinationRule with tls: {mode: SIMPLE}',
      });
    });
  }
}
