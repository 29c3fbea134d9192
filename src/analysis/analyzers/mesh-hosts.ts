import type { VirtualServiceSpec } from '../../compiler/istio-api';
import { hostsMatch, isWildcard } from '../../model/hosts';
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
  const claims = new Claims();
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    const spec = rule.spec ?? {};
    if (!isInMesh(spec)) continue;
    spec.hosts?.forEach((written, index) => {
      if (written === '*') return; // refused by admission
      const host = resolveHost(written, rule.metadata.namespace, context.model.domain).toLowerCase();
      const scopes = exportScope(spec.exportTo ?? [], rule.metadata.namespace, context.model.config.defaultVirtualServiceExportTo);
      claims.add(host, scopes, { rule, index });
      const services = context.index.servicesMatching(host);
      if (services.length > 0) protocols(context, rule, services, written);
      else if (!isWildcard(host)) unknownHost(context, rule, written, host, index);
    });
  }
  claims.report(context);
}

interface Claim { readonly rule: Rule; readonly index: number }

const EVERYWHERE = '*';

/** Who speaks for which host, where. */
class Claims {
  private readonly byScope = new Map<string, Map<string, Claim[]>>();

  public add(host: string, scopes: readonly string[], claim: Claim): void {
    for (const scope of scopes) {
      const hosts = this.byScope.get(scope) ?? new Map<string, Claim[]>();
      this.byScope.set(scope, hosts);
      const claims = hosts.get(host);
      if (claims === undefined) hosts.set(host, [claim]);
      else claims.push(claim);
    }
  }

  /** Tells all that share a host, each once. What is exported to one namespace meets there what is exported to all, by a wildcard as well. */
  public report(context: Context): void {
    const told = new Set<Rule>();
    for (const [scope, hosts] of this.byScope) {
      for (const [host, own] of hosts) {
        const claims = scope === EVERYWHERE ? own : [...own, ...this.everywhere(host)];
        if (new Set(claims.map(({ rule }) => rule)).size < 2) continue;
        for (const { rule, index } of claims) {
          if (told.has(rule)) continue;
          told.add(rule);
          const other = claims.find(claim => claim.rule !== rule)!.rule;
          context.report(rule, ['spec', 'hosts', index], {
            code: 'MESH_HOST_SHARED',
            istioCode: 'IST0109',
            message: `inside the mesh one VirtualService speaks for a host, got ${host} here and in ${resourceName(other)}; sidecars follow the older alone`,
            repair: 'join both in one VirtualService',
          });
        }
      }
    }
  }

  private everywhere(host: string): readonly Claim[] {
    const hosts = this.byScope.get(EVERYWHERE);
    if (hosts === undefined) return [];
    const matching = isWildcard(host) ? [...hosts.keys()].filter(other => hostsMatch(host, other)) : [host, ...suffixesOf(host).map(suffix => `*${suffix}`)];
    return matching.flatMap(each => hosts.get(each) ?? []);
  }
}

/** `.b.c` and `.c` of `a.b.c`; an odd wildcard as `*b.c` is not looked for. */
const suffixesOf = (host: string): readonly string[] => host.split('.').slice(1).map((_, index, parts) => `.${parts.slice(index).join('.')}`);

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
