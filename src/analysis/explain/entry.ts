import type { RequestSpec } from './explanation';
import { workloadName, type Proxies, type ReadyProxy } from './proxies';
import type { RequestUrl } from './url';
import { explicitTable } from '../../compiler/explicit';
import { type Connection } from '../../evaluator';
import { isIpAddress } from '../../model/addresses';
import { MeshError } from '../../model/error';
import { findWorkload } from '../../model/find-workload';
import { textMapOf } from '../../model/json';
import type { Model } from '../../model/model';
import { selects } from '../../model/selectors';
import type { Service, Workload } from '../../model/service';

/** Where a request meets its first proxy. */
export interface Entry {
  readonly ready: ReadyProxy;
  readonly connection: Connection;
}

/** An address for hosts that only DNS outside knows: reserved for documentation, so nothing in a mesh has it. */
const OUTSIDE = '192.0.2.1';

/** The proxies that a request may enter at; `outside` may have several gateways to choose from. */
export function entriesOf(proxies: Proxies, spec: RequestSpec, url: RequestUrl): Entry[] {
  const gateways = gatewaysOf(proxies.model, spec);
  if (gateways !== undefined) return gateways.map(workload => atGateway(proxies, workload, spec, url));
  const workload = findWorkload(proxies.model, spec.from, spec.namespace);
  if (workload.gateway) return [atGateway(proxies, workload, spec, url)];
  return [atSidecar(proxies, workload, spec, url)];
}

/** Workloads of the gateway that `from` names, or of all; undefined where `from` is a workload. */
function gatewaysOf(model: Model, { from, namespace }: RequestSpec): readonly Workload[] | undefined {
  const all = onePerController(model.workloads.filter(({ gateway }) => gateway));
  if (from === 'outside') {
    if (all.length === 0) throw new MeshError('MESH_GATEWAY_UNKNOWN', 'a request from outside needs a gateway, got a mesh without one; add a Gateway and the workload it selects');
    return all;
  }
  if (!from.startsWith('gateway:')) return undefined;
  const name = from.slice('gateway:'.length);
  const found = gatewayNamed(model, all, name, namespace ?? 'default');
  if (found.length > 0) return found;
  const known = [...new Set([...model.of('Gateway').map(({ metadata }) => `${metadata.name}.${metadata.namespace}`), ...all.map(workloadName)])].sort();
  throw new MeshError('MESH_GATEWAY_UNKNOWN', `gateway:NAME must name a Gateway or its workload, got ${name}; there ${known.length === 0 ? 'is none' : `are ${known.join(', ')}`}`);
}

function gatewayNamed(model: Model, all: readonly Workload[], name: string, namespace: string): readonly Workload[] {
  const [slashNamespace, slashName] = name.includes('/') ? name.split('/') : [];
  const dot = name.lastIndexOf('.');
  const wanted = slashName !== undefined ? [[slashName, slashNamespace]] : [[name, namespace], [name.slice(0, dot), name.slice(dot + 1)]];
  for (const [own, ns] of wanted) {
    const gateway = model.of('Gateway').find(({ metadata }) => metadata.name === own && metadata.namespace === ns);
    if (gateway !== undefined) return all.filter(({ labels }) => selects(textMapOf(gateway.spec.selector), labels));
    const workloads = all.filter(workload => workload.namespace === ns && (workload.workload === own || workload.name === own));
    if (workloads.length > 0) return workloads;
  }
  const anywhere = model.of('Gateway').filter(({ metadata }) => metadata.name === name);
  if (anywhere.length === 1) return all.filter(({ labels }) => selects(textMapOf(anywhere[0]!.spec.selector), labels));
  return all.filter(workload => workload.workload === name);
}

/** All pods of a controller have the same configuration. */
function onePerController(workloads: readonly Workload[]): Workload[] {
  const seen = new Set<string>();
  return workloads.filter(workload => {
    const key = workloadName(workload);
    return !seen.has(key) && seen.add(key);
  });
}

function atGateway(proxies: Proxies, workload: Workload, spec: RequestSpec, url: RequestUrl): Entry {
  const { model } = proxies;
  const ready = proxies.of(workload);
  const port = gatewayPort(model, workload, url.port);
  const dialled = spec.dialled ?? { address: workload.ip, port: explicitTable(model, ready.proxy)?.inboundPort(port) ?? port };
  return { ready, connection: connectionTo(dialled, spec, url) };
}

/** The port of the pod that a port of its Service leads to; the number itself where no Service has it. */
function gatewayPort(model: Model, workload: Workload, port: number): number {
  return model.targetsOf(workload).find(target => target.port.number === port)?.targetPort ?? port;
}

function atSidecar(proxies: Proxies, workload: Workload, spec: RequestSpec, url: RequestUrl): Entry {
  const ready = proxies.of(workload);
  const captured = (): { address: string; port: number } => ({ address: addressOf(proxies.model, workload, url.host, url.port), port: url.port });
  const dialled = spec.dialled ?? explicitAddress(proxies.model, ready, url) ?? captured();
  return { ready, connection: connectionTo(dialled, spec, url) };
}

/** Under explicit capture a service has an address of its own; for any other host the caller uses the sidecar as its HTTP proxy. */
function explicitAddress(model: Model, { proxy, workload }: ReadyProxy, { host, port }: RequestUrl): { address: string; port: number } | undefined {
  const explicit = explicitTable(model, proxy);
  if (explicit === undefined || isIpAddress(host)) return undefined;
  const service = lookUp(model, workload.namespace, host);
  const known = service?.ports.some(({ number }) => number === port) ?? false;
  return service !== undefined && known ? explicit.addressOf(service, port) : { address: explicit.podAddress, port: explicit.httpProxyPort };
}

/** What DNS gives the caller for a host. */
function addressOf(model: Model, caller: Workload, host: string, port: number): string {
  if (isIpAddress(host)) return host;
  const service = lookUp(model, caller.namespace, host);
  if (service === undefined) return OUTSIDE;
  if (service.headless) {
    const name = service.ports.find(({ number }) => number === port)?.name ?? service.ports[0]?.name ?? '';
    return model.endpointsOf(service, name)[0]?.address ?? OUTSIDE;
  }
  return isIpAddress(service.address) && service.address !== '0.0.0.0' ? service.address : OUTSIDE;
}

/** The service a name means to a workload, by the search list of its resolver. */
export function lookUp(model: Model, namespace: string, host: string): Service | undefined {
  const plain = host.endsWith('.') ? host.slice(0, -1) : host;
  const names = [`${plain}.${namespace}.svc.${model.domain}`, `${plain}.svc.${model.domain}`, `${plain}.${model.domain}`, plain];
  for (const name of names) {
    const [service] = model.servicesByHost.get(name) ?? [];
    if (service !== undefined) return service;
  }
  return undefined;
}

function connectionTo({ address, port }: { address: string; port: number }, spec: RequestSpec, url: RequestUrl): Connection {
  if (url.scheme === 'http') return { address, port, transport: 'raw_buffer', http: 'http/1.1' };
  const { sni = isIpAddress(url.host) ? undefined : url.host, alpn = ['h2', 'http/1.1'] } = spec.tls ?? {};
  return { address, port, transport: 'tls', alpn, ...(sni !== undefined && { sni }) };
}
