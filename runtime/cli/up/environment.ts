import type { Place } from './placement';
import { keyOf } from './placement';
import { virtualAddress } from '../../../src/compiler/explicit';
import type { Model } from '../../../src/model/model';
import { resolveHost } from '../../../src/model/names';
import type { Proxy } from '../../../src/model/proxy';
import { proxyOf } from '../../../src/model/proxy';
import type { Service, Workload } from '../../../src/model/service';

/** Whether ports below 1024 are refused to this user. */
export type Privileges = { readonly unprivileged: boolean };

/** The proxy of a placed workload, as its node describes it. */
export function placedProxy(model: Model, workload: Workload, place: Place, { unprivileged }: Privileges): Proxy {
  return proxyOf(model, workload, {
    capture: 'explicit',
    explicit: { addressBlock: place.block, appPorts: place.appPorts, httpProxyPort: place.httpProxyPort },
    metadata: unprivileged ? { UNPRIVILEGED_POD: 'true' } : {},
  });
}

/** Where an application finds a service port: its own sidecar. */
export interface Dialled { readonly host: string; readonly port: number }

/** Addresses by which a workload calls services. */
export class Directory {
  public constructor(private readonly model: Model, private readonly proxy: Proxy) {}

  public addressOf(service: Service, port: number): Dialled | undefined {
    const found = virtualAddress(this.model, this.proxy, service, port);
    return found === undefined || found.port === 0 ? undefined : { host: found.address, port: found.port };
  }

  /** What a name and port mean to the workload. */
  public dial(host: string, port: number): Dialled | undefined {
    const named = this.serviceOf(host, port);
    if (named !== undefined) return this.addressOf(named, port);
    // `hl-0.hl` is a Pod of the headless service `hl`, whose virtual host takes all names below its own.
    const [, parent] = /^[^.]+\.(.+)$/.exec(host) ?? [];
    const service = parent === undefined ? undefined : this.serviceOf(parent, port);
    return service?.headless === true ? this.addressOf(service, port) : undefined;
  }

  private serviceOf(host: string, port: number): Service | undefined {
    for (const name of [resolveHost(host, this.proxy.namespace, this.model.domain), `${host}.svc.${this.model.domain}`, `${host}.${this.model.domain}`]) {
      const service = this.model.servicesByHost.get(name)?.find(each => each.ports.some(({ number }) => number === port));
      if (service !== undefined) return service;
    }
    return undefined;
  }
}

/** Environment of a workload's command: where to listen, and where to find every service. */
export function environmentOf(workload: Workload, place: Place, model: Model, directory: Directory): Record<string, string> {
  const ports = Object.entries(place.appPorts);
  const [first] = workload.containerPorts;
  const main = (first && place.appPorts[first.port]) ?? ports[0]?.[1];
  const proxy = `http://${place.ip}:${place.httpProxyPort}`;
  // Loopback addresses are the sidecar's already; dialling them through its HTTP proxy would only take the request around.
  const direct = 'localhost,127.0.0.1,127.0.0.0/8';
  return {
    ...serviceVariables(workload, model, directory),
    HOST: '127.0.0.1',
    ...main !== undefined && { PORT: String(main) },
    ...Object.fromEntries(ports.map(([port, own]) => [`PORT_${port}`, String(own)])),
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
    POD_NAME: workload.name,
    POD_NAMESPACE: workload.namespace,
    POD_IP: place.ip,
    ...workload.labels.version !== undefined && { SERVICE_VERSION: workload.labels.version },
  };
}

/** NAME_SERVICE_HOST and NAME_SERVICE_PORT, as Kubernetes sets them for the services of a Pod's own namespace; the own one wins over others. */
function serviceVariables(workload: Workload, model: Model, directory: Directory): Record<string, string> {
  const variables: Record<string, string> = {};
  const ownLast = [...model.services].sort((a, b) => Number(a.namespace === workload.namespace) - Number(b.namespace === workload.namespace));
  for (const service of ownLast) {
    if (service.registry !== 'Kubernetes') continue;
    const name = service.name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
    service.ports.forEach((port, index) => {
      const found = directory.addressOf(service, port.number);
      if (found === undefined) return;
      if (index === 0) Object.assign(variables, { [`${name}_SERVICE_HOST`]: found.host, [`${name}_SERVICE_PORT`]: String(found.port) });
      if (port.name !== '') variables[`${name}_SERVICE_PORT_${port.name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`] = String(found.port);
    });
  }
  return variables;
}

/** Who a stand-in says it is: the first service that leads to the workload, and its version label. */
export function identityOf(workload: Workload, model: Model): { service: string; version: string; pod: string; namespace: string } {
  const [target] = model.targetsOf(workload);
  const service = target?.service.name ?? workload.labels.app ?? workload.workload;
  return { service, version: workload.labels.version ?? '', pod: keyOf(workload).split('/')[1], namespace: workload.namespace };
}
