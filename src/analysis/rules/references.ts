import type { Destination, VirtualServiceSpec } from '../../compiler/istio-api';
import { hostsMatch } from '../../model/hosts';
import { resolveGateway, resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import type { Service } from '../../model/service';
import { closest } from '../../model/suggest';
import type { Path } from '../finding';
import { doubtful } from './context';
import type { Context } from './context';
import { nearestHost } from './nearest-host';

/** References from VirtualServices to hosts, ports, subsets and gateways (IST0101, IST0112, IST0132). */
export function referenceRules(context: Context): void {
  const { gateways } = context.index;
  for (const resource of context.sound<VirtualServiceSpec>('VirtualService')) {
    for (const { destination, path, what } of destinationsOf(resource.spec ?? {})) {
      checkDestination(context, resource, destination, path, what);
    }
    gatewayReferences(resource, (reference, path) => checkGateway(context, resource, reference, path, gateways));
  }
}

/** A destination of a VirtualService, where it stands, and what the rule does to it. */
export interface Place { readonly destination: Destination; readonly path: Path; readonly what: string }

export function destinationsOf(spec: VirtualServiceSpec): Place[] {
  const places: Place[] = [];
  const add = (destination: Destination | undefined, path: Path, what: string) => {
    if (typeof destination?.host === 'string') places.push({ destination, path, what });
  };
  spec.http?.forEach((rule, index) => {
    const path = ['spec', 'http', index];
    rule.route?.forEach((route, at) => add(route.destination, [...path, 'route', at, 'destination'], 'routes'));
    add(rule.mirror, [...path, 'mirror'], 'mirrors');
    rule.mirrors?.forEach((mirror, at) => add(mirror.destination, [...path, 'mirrors', at, 'destination'], 'mirrors'));
  });
  for (const kind of ['tls', 'tcp'] as const) {
    spec[kind]?.forEach((rule, index) => rule.route?.forEach((route, at) => add(route.destination, ['spec', kind, index, 'route', at, 'destination'], 'routes')));
  }
  return places;
}

function checkDestination(context: Context, resource: Resource<VirtualServiceSpec>, destination: Destination, path: Path, what: string): void {
  const { model, report } = context;
  const host = resolveHost(destination.host, resource.metadata.namespace, model.domain);
  const services = context.index.servicesFor(host);
  if (services.length === 0) {
    const meant = nearestHost(host, model.servicesByHost.keys());
    return report(resource, [...path, 'host'], {
      code: 'MESH_HOST_UNKNOWN',
      istioCode: 'IST0101',
      message: `${what} to the host ${destination.host}, which is no Service or ServiceEntry${host === destination.host ? '' : ` (looked for ${host})`}`,
      repair: meant === undefined ? 'declare it, or write the full name of a service of another namespace' : `did you mean ${meant}?`,
    });
  }
  checkPort(context, resource, destination, path, services);
  checkWorkloads(context, resource, destination, path, services);
  const { subset } = destination;
  if (subset === undefined || subset === '') return;
  const known = context.index.subsetsOf(host);
  if (known?.has(subset)) return;
  const meant = closest(subset, [...known ?? []]);
  report(resource, [...path, 'subset'], {
    code: 'MESH_SUBSET_MISSING',
    istioCode: 'IST0101',
    message: `${what} to the subset ${subset} of ${destination.host}, which no DestinationRule defines${known === undefined ? '' : ` (it has ${[...known].sort().join(', ')})`}`,
    repair: meant !== undefined ? `did you mean ${meant}?` : 'add the subset to the DestinationRule of that host; until then such requests get 503',
  });
}

/** Controllers of other projects whose Pods the model does not make. */
const FOREIGN_CONTROLLERS = ['CloneSet', 'DeploymentConfig', 'Service.serving.knative.dev'] as const;

/** A Service that selects Pods of which the input has none, though it has others beside: whatever is sent there gets 503. */
function checkWorkloads(context: Context, resource: Resource<VirtualServiceSpec>, { host }: Destination, path: Path,
  services: readonly Service[]): void {
  const { model, index } = context;
  if (FOREIGN_CONTROLLERS.some(kind => model.of(kind).length > 0) || model.workloads.length === 0) return;
  const selects = ({ registry, externalName, selector }: Service) => registry === 'Kubernetes' && externalName === undefined && Object.keys(selector).length > 0;
  const empty = (service: Service) => selects(service) && index.workloadsSelected(service.selector, service.namespace).length === 0
    && service.ports.every(({ name }) => model.endpointsOf(service, name).length === 0);
  if (!services.every(empty)) return;
  const [{ namespace, selector }] = services;
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`).join(', ');
  const near = index.workloadsIn(namespace).length > 0;
  context.report(resource, [...path, 'host'], {
    code: 'MESH_SERVICE_EMPTY',
    // Of a namespace of which the input has no workload, another set of manifests may have all.
    severity: near ? 'warning' : 'info',
    message: `leads to ${host}, whose Service takes Pods with ${labels} in ${namespace}, got none such; requests get 503`,
    repair: 'deploy a workload with these labels, or correct the selector',
  });
}

function checkPort(context: Context, resource: Resource<VirtualServiceSpec>, destination: Destination, path: Path,
  services: readonly Service[]): void {
  const ports = [...new Set(services.flatMap(service => service.ports.map(port => port.number)))].sort((a, b) => a - b);
  const number = destination.port?.number;
  if (number === undefined) {
    if (ports.length > 1) {
      context.report(resource, path, {
        code: 'MESH_PORT_AMBIGUOUS',
        istioCode: 'IST0112',
        message: `a destination names a port where its host has several, got none for ${destination.host} with ${ports.join(', ')}`,
        repair: `add port: {number: ${ports[0]}}`,
      });
    }
  } else if (ports.length > 0 && !ports.includes(number)) {
    context.report(resource, [...path, 'port', 'number'], {
      code: 'MESH_PORT_UNKNOWN',
      istioCode: 'IST0101',
      message: `${destination.host} has the ports ${ports.join(', ')}, got ${number}`,
      repair: ports.length === 1 ? `write ${ports[0]}` : 'choose one of them',
    });
  }
}

/** Whether Istio itself made the Gateway of that name, for one of Gateway API. */
export const isGenerated = (reference: string): boolean => /~istio-autogenerated-k8s-gateway~|-istio-autogenerated-k8s-gateway$/.test(reference);

function gatewayReferences(resource: Resource<VirtualServiceSpec>, visit: (reference: string, path: Path) => void): void {
  const spec = resource.spec ?? {};
  spec.gateways?.forEach((reference, index) => visit(reference, ['spec', 'gateways', index]));
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    spec[kind]?.forEach((rule, index) => rule.match?.forEach((match, at) => match.gateways?.forEach(
      (reference, n) => visit(reference, ['spec', kind, index, 'match', at, 'gateways', n]))));
  }
}

function checkGateway(context: Context, resource: Resource<VirtualServiceSpec>, reference: string, path: Path,
  gateways: ReadonlyMap<string, Resource>): void {
  if (reference === 'mesh' || isGenerated(reference)) return;
  const name = resolveGateway(reference, resource.metadata.namespace);
  const gateway = gateways.get(name);
  if (gateway === undefined) {
    const sameName = [...gateways.keys()].find(key => key.split('/')[1] === name.split('/')[1]);
    const meant = sameName ?? closest(name, [...gateways.keys()]);
    return context.report(resource, path, {
      code: 'MESH_GATEWAY_MISSING',
      istioCode: 'IST0101',
      message: `is bound to the gateway ${reference}, which does not exist (looked for ${name})`,
      repair: meant === undefined ? 'declare a Gateway of that name' : `did you mean ${meant}?`,
    });
  }
  if (path[1] !== 'gateways') return;
  const servers = (gateway.spec as { servers?: { hosts?: string[] }[] } | undefined)?.servers;
  if (!Array.isArray(servers)) return;
  const { namespace } = resource.metadata;
  const isFor = (host: string) => !host.includes('/') || ['*', namespace].includes(host.split('/')[0].replace(/^\.$/, gateway.metadata.namespace));
  const served = servers.flatMap(server => (Array.isArray(server?.hosts) ? server.hosts : [])).filter(isFor)
    .map(host => host.split('/').pop()!)
    .map(host => (host.includes('.') || host.startsWith('*') ? host : resolveHost(host, gateway.metadata.namespace, context.model.domain)));
  const hosts = (resource.spec.hosts ?? []).map(host => resolveHost(host, resource.metadata.namespace, context.model.domain));
  if (hosts.length > 0 && servers.length > 0 && !hosts.some(host => served.some(server => hostsMatch(host, server)))) {
    context.report(resource, path, doubtful('MESH_GATEWAY_HOST_MISMATCH', `no host of the rule is served by the gateway ${name}, got ${hosts.join(', ')} and ${served.length > 0 ? `the gateway's ${served.join(', ')}` : `none for the namespace ${namespace}`}`,
      'add the host to a server of the gateway', 'IST0132'));
  }
}
