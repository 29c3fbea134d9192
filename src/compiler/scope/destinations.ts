import { resolveHost } from '../../model/names';
import { compare } from '../../model/resource';
import type { Protocol, Service } from '../../model/service';
import type { Mesh } from '../mesh';
import type { VirtualService } from './virtual-services';

/** A listener, with what it imports. */
interface Importer {
  readonly virtualServices: readonly VirtualService[];
  /** Where it serves one port only. */
  readonly own?: { readonly port: number; readonly protocol: Protocol };
}

/** Services that imported rules send to, whoever imports them: their clusters are needed, for the ports that are used. */
export function destinations(mesh: Mesh, namespace: string, visible: readonly Service[], { virtualServices, own }: Importer): Service[] {
  const wanted = new Map<string, Set<number>>();
  for (const rule of virtualServices) {
    for (const { host, port } of destinationsOf(rule, mesh.model.domain, namespace)) {
      const ports = wanted.get(host) ?? new Set<number>();
      wanted.set(host, ports);
      ports.add(port);
    }
  }
  const only = own === undefined || own.port === 0 || own.protocol === 'HTTP_PROXY' ? undefined : own.port;
  return [...wanted].sort(([a], [b]) => compare(a, b)).flatMap(([host, ports]) => {
    // Of its own namespace a caller is even sent to what is exported to others alone.
    const ofCaller = (mesh.model.servicesByHost.get(host) ?? []).filter(service => service.namespace === namespace && service.resolution !== 'alias');
    const service = best(ofCaller.length > 0 ? ofCaller : visible.filter(({ hostname }) => hostname === host));
    if (service === undefined) return [];
    // Port 0 stands for a destination that names none.
    const kept = service.ports.filter(({ number }) => (only !== undefined ? number === only : ports.has(0) || ports.has(number)));
    if (kept.length === 0 || kept.length === service.ports.length) return kept.length === 0 ? [] : [service];
    return [mesh.memo.get('routedTo', [service, JSON.stringify(kept.map(({ number }) => number))], () => ({ ...service, ports: kept }))];
  });
}

const best = (services: readonly Service[]): Service | undefined => services.find(({ registry }) => registry === 'Kubernetes') ?? services[0];

function destinationsOf({ spec, namespace }: VirtualService, domain: string, caller: string): { host: string; port: number }[] {
  const http = (spec.http ?? []).filter((rule) => {
    const matches = rule.match ?? [];
    return matches.length === 0 || matches.some(({ sourceNamespace }) => sourceNamespace === undefined || sourceNamespace === '' || sourceNamespace === caller);
  });
  const all = [
    ...http.flatMap(rule => [
      ...rule.route ?? [], ...rule.mirrors ?? [], ...(rule.mirror === undefined ? [] : [{ destination: rule.mirror }]),
    ]),
    ...(spec.tls ?? []).flatMap(({ route }) => route ?? []),
    ...(spec.tcp ?? []).flatMap(({ route }) => route ?? []),
  ];
  return all.map(({ destination: { host, port } }) => ({ host: resolveHost(host, namespace, domain).toLowerCase(), port: port?.number ?? 0 }));
}
