import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { inNetwork } from './networks';
import type { View } from './view';
import { isIpAddress } from '../model/addresses';
import { textOf } from '../model/json';
import type { Service, Workload } from '../model/service';
import { addressFor, WILDCARD } from './listeners/bind';
import { dnsCapture } from './routes/service-hosts';
import type { NameTable, NameTable_NameInfoSchema } from '../xds/gen/istio/networking/nds/v1/nds_pb';
import { NameTableSchema } from '../xds/gen/istio/networking/nds/v1/nds_pb';

type Info = MessageInitShape<typeof NameTable_NameInfoSchema>;

/** Names of all services that a proxy may call, with their addresses (istio-behaviour A9). Services without an address of any kind have no entry. */
export function nameTable(view: View): NameTable {
  const { mesh, proxy, scope, explicit } = view;
  const key = [scope.listeners, proxy.clusterId, textOf(proxy.metadata.NETWORK), dnsCapture(view), explicit === undefined ? undefined : proxy.id];
  return mesh.memo.get('nameTable', key, () => {
    const table = new Map<string, Info>();
    const podAt = podsByAddress(view);
    for (const service of scope.listeners.flatMap(({ services }) => services)) {
      const ips = service.headless || needsEndpoints(view, service) ? endpointAddresses(view, service, podAt, table) : addressesOf(view, service);
      if (ips.length > 0) enter(table, service, ips);
    }
    return create(NameTableSchema, { table: Object.fromEntries(table) });
  });
}

/** A service that is dialled at its endpoints' own addresses. */
const needsEndpoints = (view: View, service: Service): boolean => service.resolution === 'passthrough' && addressFor(view, service) === WILDCARD;

function addressesOf(view: View, service: Service): string[] {
  const { explicit } = view;
  if (explicit !== undefined) return explicit.form === 'address' ? service.ports.slice(0, 1).map(({ number }) => explicit.addressOf(service, number).address) : [];
  const all = service.addresses.length > 0 ? service.addresses : [addressFor(view, service)];
  return all.filter(address => isIpAddress(address) && address !== WILDCARD);
}

/** Endpoints in reach; each Pod that has a subdomain gets a name of its own besides. */
function endpointAddresses(view: View, service: Service, podAt: () => ReadonlyMap<string, Workload>, table: Map<string, Info>): string[] {
  const [port] = service.ports;
  if (port === undefined) return [];
  const evenUnready = service.registry === 'Kubernetes' && service.resource.spec.publishNotReadyAddresses === true;
  const ips: string[] = [];
  for (const { address, health, network, clusterId } of view.mesh.model.endpointsOf(service, port.name)) {
    if (!isIpAddress(address) || !(evenUnready || (health ?? 'HEALTHY') === 'HEALTHY') || !inNetwork(view, network)) continue;
    const pod = service.registry === 'Kubernetes' ? podAt().get(address)?.resource : undefined;
    const subdomain = textOf(pod?.spec.subdomain) ?? '';
    if (pod !== undefined && subdomain !== '') {
      const shortname = `${textOf(pod.spec.hostname) || pod.metadata.name}.${subdomain}`;
      const hostname = `${shortname}.${service.hostname.slice(service.hostname.indexOf('.') + 1)}`;
      const known = table.get(hostname)?.ips ?? [];
      const addresses = known.includes(address) ? known : [...known, address];
      table.set(hostname, { ips: addresses, registry: service.registry, shortname, namespace: service.namespace });
    }
    // Other clusters' Pods would be balanced over by whoever resolves the name, past their gateways.
    if (clusterId === view.proxy.clusterId) ips.push(address);
  }
  return ips;
}

/** A service of Kubernetes beats an entry of the same name; addresses of several entries add up. */
function enter(table: Map<string, Info>, service: Service, ips: string[]): void {
  const kubernetes = service.registry === 'Kubernetes';
  const known = table.get(service.hostname);
  if (known !== undefined && known.registry === 'Kubernetes') return;
  if (known === undefined || kubernetes) {
    const short = kubernetes ? { shortname: service.name, namespace: service.namespace } : {};
    table.set(service.hostname, { ips, registry: service.registry, ...short });
  } else {
    table.set(service.hostname, { ...known, ips: [...known.ips ?? [], ...ips] });
  }
}

function podsByAddress(view: View): () => ReadonlyMap<string, Workload> {
  let found: ReadonlyMap<string, Workload> | undefined;
  return () => found ??= new Map(view.mesh.model.workloads.filter(({ kind }) => kind === 'Pod').flatMap(pod => pod.ips.map(ip => [ip, pod] as const)));
}
