import type { VirtualServiceSpec } from '../../compiler/istio-api';
import { isWildcard } from '../../model/hosts';
import { resolveHost } from '../../model/names';
import { isHttp, isTcp, isTls } from '../../model/ports';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import type { Service } from '../../model/service';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';
import { nearestHost } from '../rules/nearest-host';
import { isInMesh } from '../rules/virtual-service';

type Rule = Resource<VirtualServiceSpec>;

/** Hosts that VirtualServices claim inside the mesh: claimed twice (IST0109), unknown, or of another protocol than the rules. */
export function meshHosts(context: Context): void {
  const owners = new Map<string, Rule>();
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    const spec = rule.spec ?? {};
    if (!isInMesh(spec)) continue;
    spec.hosts?.forEach((written, index) => {
      if (written === '*') return; // refused by admission
      const host = resolveHost(written, rule.metadata.namespace, context.model.domain).toLowerCase();
      claimedTwice(context, owners, rule, host, index);
      const services = context.index.servicesMatching(host);
      if (services.length > 0) protocols(context, rule, services, written);
      else if (!isWildcard(host)) unknownHost(context, rule, written, host, index);
    });
  }
}

function claimedTwice(context: Context, owners: Map<string, Rule>, rule: Rule, host: string, index: number): void {
  const scope = exportScope(rule.spec.exportTo ?? [], rule.metadata.namespace, context.model.config.defaultVirtualServiceExportTo);
  for (const key of scope.map(namespace => `${namespace} ${host}`)) {
    const owner = owners.get(key);
    if (owner === undefined) {
      owners.set(key, rule);
    } else if (owner !== rule) {
      return context.report(rule, ['spec', 'hosts', index], {
        code: 'MESH_HOST_SHARED',
        istioCode: 'IST0109',
        message: `inside the mesh one VirtualService speaks for a host, got ${host} here and in ${resourceName(owner as unknown as Resource)}; sidecars follow the older alone`,
        repair: 'join both in one VirtualService',
      });
    }
  }
}

function exportScope(exportTo: readonly string[], namespace: string, meshDefault: readonly string[]): readonly string[] {
  return [...new Set((exportTo.length > 0 ? exportTo : meshDefault).map(value => (value === '.' ? namespace : value)))];
}

function unknownHost(context: Context, rule: Rule, written: string, host: string, index: number): void {
  const meant = nearestHost(host, context.model.servicesByHost.keys());
  context.report(rule, ['spec', 'hosts', index], doubtful('MESH_HOST_UNKNOWN', `is for the host ${written}, which is no Service or ServiceEntry${host === written ? '' : ` (looked for ${host})`}`,
    meant === undefined ? 'declare it, or write the full name of a service of another namespace' : `did you mean ${meant}?`, 'IST0101'));
}

/** Rules for HTTP on services that have no HTTP port, and so on: no request is ever compared with them. */
function protocols(context: Context, rule: Rule, services: readonly Service[], written: string): void {
  const ports = services.flatMap(service => service.ports).filter(port => port.protocol !== 'UDP');
  if (ports.length === 0) return;
  const known = (takes: (port: typeof ports[number]) => boolean) => ports.some(port => port.protocol === 'Auto' || takes(port));
  const fitting = { http: known(port => isHttp(port.protocol)), tls: known(port => isTls(port.protocol)), tcp: known(port => isTcp(port.protocol)) };
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    if ((rule.spec[kind]?.length ?? 0) === 0 || fitting[kind]) continue;
    const have = [...new Set(ports.map(port => `${port.number} ${port.protocol}`))].sort().join(', ');
    context.report(rule, ['spec', kind], {
      code: 'MESH_ROUTE_PROTOCOL',
      severity: 'warning',
      message: `${kind} rules act on ports of that protocol, got none at ${written}, which has ${have}`,
      repair: kind === 'http' ? 'name the port http-… or set its appProtocol, or write tcp rules' : 'write rules of the port\'s protocol, or rename the port',
    });
  }
}
