import type { GatewaySpec, Server, VirtualServiceSpec } from '../../compiler/istio-api';
import { hostsMatch } from '../../model/hosts';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import { gatewaysOf, hostsOf } from '../reachability/rules';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';
import { protocolClass } from '../rules/predicates';
import { isGenerated } from '../rules/references';

type Rule = Resource<VirtualServiceSpec>;

/** VirtualServices on gateways: rules that their servers cannot use, subsets that another VirtualService misses (IST0140), claims (IST0149). */
export function gatewayRoutes(context: Context): void {
  const sound = new Map(context.sound<GatewaySpec>('Gateway').map(gateway => [`${gateway.metadata.namespace}/${gateway.metadata.name}`, gateway]));
  const subsetUsers = usersOfSubsets(context);
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    if (rule.spec === undefined) continue;
    const names = gatewaysOf(rule).filter(name => name !== 'mesh');
    for (const name of names) {
      if (isGenerated(name)) {
        context.report(rule, ['spec', 'gateways'], doubtful('MESH_GATEWAY_REFERENCE', `a gateway that Istio generates is no name to rely on, got ${name}`, 'attach routes to the Gateway of Gateway API', 'IST0165'));
      }
      const gateway = sound.get(name);
      if (gateway !== undefined) serversFit(context, rule, gateway);
    }
    claims(context, rule, names.map(name => sound.get(name)).filter(gateway => gateway !== undefined));
    if (names.length > 0) withoutSubset(context, rule, subsetUsers);
  }
}

/** What kind of rules a server asks. */
function kindOf({ port, tls }: Server): 'http' | 'tls' | 'tcp' {
  const kind = protocolClass(port.protocol);
  if (kind !== 'tls') return kind;
  const passes = ['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(tls?.mode ?? 'PASSTHROUGH');
  return passes ? 'tls' : port.protocol.toUpperCase() === 'HTTPS' ? 'http' : 'tcp';
}

function serversFit(context: Context, rule: Rule, gateway: Resource<GatewaySpec>): void {
  const hosts = hostsOf(rule, context.model.domain);
  const serves = (server: Server) => (server.hosts ?? []).some((host) => {
    const [name, namespace] = host.split('/').reverse();
    const open = namespace === undefined || namespace === '*' || (namespace === '.' ? gateway.metadata.namespace : namespace) === rule.metadata.namespace;
    return open && hosts.some(own => hostsMatch(own, resolveHost(name, gateway.metadata.namespace, context.model.domain).toLowerCase()));
  });
  const servers = (gateway.spec?.servers ?? []).filter(server => typeof server.port?.protocol === 'string' && serves(server));
  if (servers.length === 0) return;
  const kinds = new Set(servers.map(kindOf));
  for (const kind of ['http', 'tls', 'tcp'] as const) {
    // A terminated TLS connection is asked of tcp rules, and of tls rules only by its SNI where it is passed on.
    if ((rule.spec[kind]?.length ?? 0) === 0 || kinds.has(kind)) continue;
    const have = [...new Set(servers.map(({ port, tls }) => `${port.protocol}${tls?.mode === undefined ? '' : ` ${tls.mode}`}`))].join(', ');
    context.report(rule, ['spec', kind], {
      code: 'MESH_ROUTE_PROTOCOL',
      message: `${REASONS[kind]}, got servers of ${have} for its hosts on ${resourceName(gateway)}; the rules are never asked`,
      repair: kind === 'http' ? 'terminate TLS (mode SIMPLE), or write tls rules' : kind === 'tls' ? 'use mode PASSTHROUGH, or write http rules' : 'use protocol TCP or TLS, or write http rules',
    });
  }
}

const REASONS = {
  http: 'http rules need a server that reads HTTP',
  tls: 'tls rules need a server that passes TLS through',
  tcp: 'tcp rules need a server of plain TCP or terminated TLS',
};

/** Mesh-bound VirtualServices that send a host's requests to subsets, by host. */
function usersOfSubsets(context: Context): ReadonlyMap<string, Rule> {
  const users = new Map<string, Rule>();
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    for (const { destination } of (rule.spec?.http ?? []).flatMap(http => http.route ?? [])) {
      if (destination?.subset === undefined || destination.subset === '') continue;
      const host = resolveHost(destination.host, rule.metadata.namespace, context.model.domain);
      if (!gatewaysOf(rule).some(name => name !== 'mesh') && hostsOf(rule, context.model.domain).includes(host) && !users.has(host)) users.set(host, rule);
    }
  }
  return users;
}

function withoutSubset(context: Context, rule: Rule, users: ReadonlyMap<string, Rule>): void {
  const several = (host: string) => (context.index.subsetsOf(host)?.size ?? 0) > 1;
  rule.spec.http?.forEach((http, index) => http.route?.forEach(({ destination }, number) => {
    if (destination === undefined || (destination.subset ?? '') !== '') return;
    const host = resolveHost(destination.host, rule.metadata.namespace, context.model.domain);
    const user = users.get(host);
    if (user === undefined || user === rule || !several(host)) return;
    context.report(rule, ['spec', 'http', index, 'route', number, 'destination'], {
      code: 'MESH_GATEWAY_SUBSET',
      istioCode: 'IST0140',
      severity: 'warning',
      message: `the gateway sends to all versions of ${destination.host}, though ${resourceName(user)} chooses among its subsets; that rule holds for sidecars only`,
      repair: 'name the subset here, or bind the other VirtualService to this gateway as well',
    });
  }));
}

/** Claims of tokens are known only where a RequestAuthentication reads tokens. */
function claims(context: Context, rule: Rule, gateways: readonly Resource<GatewaySpec>[]): void {
  rule.spec.http?.forEach((http, index) => http.match?.forEach((match, number) => {
    const claim = [...Object.keys(match.headers ?? {}), ...Object.keys(match.withoutHeaders ?? {})].find(name => name.startsWith('@request.auth.claims'));
    if (claim === undefined) return;
    for (const gateway of gateways) {
      const unread = context.index.gatewayWorkloads(gateway as unknown as Resource).find(workload => context.index.policiesFor('RequestAuthentication', workload).length === 0);
      if (unread === undefined) continue;
      return context.report(rule, ['spec', 'http', index, 'match', number], {
        code: 'MESH_CLAIM_INVALID',
        istioCode: 'IST0149',
        message: `a match by ${claim} needs a RequestAuthentication for the gateway ${gateway.metadata.namespace}/${gateway.metadata.name}, got none for its Pod ${unread.namespace}/${unread.name}`,
        repair: 'add one that selects the gateway',
      });
    }
  }));
}
