import type { Destination, HttpRoute, L4Destination, L4Match, VirtualServiceSpec } from '../../compiler/istio-api';
import { hostsMatch, hostSubsetOf, isWildcard } from '../../model/hosts';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { exportToRules, labelRules, quote } from './common';
import type { Context, Reporter } from './context';
import { reporter } from './context';
import { httpRouteRules } from './http-route';
import { isFqdn, isIp, isLabel, isPort, isSubnet, isWildcardDomain } from './predicates';
import { conditionRules } from './virtual-service-match';

/** istio-validation §1.4: what a VirtualService may say, looked at alone. */
export function virtualServiceRules(context: Context): void {
  for (const resource of context.sound<VirtualServiceSpec>('VirtualService')) {
    const check = new Check(reporter(context, resource), resource);
    check.hosts();
    check.routes();
  }
}

/** Whether a VirtualService also speaks for sidecars. */
export const isInMesh = ({ gateways = [] }: VirtualServiceSpec): boolean => gateways.length === 0 || gateways.includes('mesh');

class Check {
  private readonly spec: VirtualServiceSpec;

  public constructor(private readonly at: Reporter, private readonly resource: Resource<VirtualServiceSpec>) {
    this.spec = resource.spec ?? {};
  }

  public hosts(): void {
    const { hosts = [], gateways = [] } = this.spec;
    if (hosts.length === 0) {
      for (const field of ['gateways', 'tls', 'tcp'] as const) {
        if ((this.spec[field]?.length ?? 0) > 0) {
          this.at.invalid(['spec', field], 'MESH_DELEGATE_INVALID', `a VirtualService without hosts is a delegate and takes http only, got ${field}`, `add hosts or remove ${field}`);
        }
      }
    }
    this.gateways(gateways, ['spec', 'gateways']);
    const mesh = isInMesh(this.spec);
    const hasSni = (this.spec.tls ?? []).some(rule => (rule.match ?? []).some(match => (match.sniHosts ?? []).length > 0));
    hosts.forEach((host, index) => {
      const path = ['spec', 'hosts', index];
      if (host === '*' && mesh) {
        this.at.invalid(path, 'MESH_HOST_INVALID', 'the host * would take all traffic of the mesh, got "*"', 'name the hosts, or bind the rule to a gateway');
      } else if (!isWildcardDomain(host) && !isIp(host) && !(hasSni && !mesh && isSniName(host))) {
        this.at.invalid(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is a DNS name, *.suffix or IP address, got ${quote(host)}`, 'write the host without scheme, port or path');
      }
    });
    for (const [index, twin] of overlaps(hosts)) {
      this.at.invalid(['spec', 'hosts', index], 'MESH_HOST_DUPLICATE', `${fieldOf(['spec', 'hosts', index])} overlaps spec.hosts[${twin}], got ${hosts[index]} and ${hosts[twin]}`, 'keep one of them');
    }
    exportToRules(this.at, this.spec.exportTo, this.resource.metadata.namespace);
  }

  public routes(): void {
    const { http = [], tls = [], tcp = [] } = this.spec;
    if (http.length + tls.length + tcp.length === 0) {
      this.at.invalid(['spec'], 'MESH_ROUTES_MISSING', 'a VirtualService has at least one rule under http, tls or tcp, got none', 'add http: [{route: [{destination: {host: …}}]}]');
    }
    http.forEach((rule, index) => this.http(rule, ['spec', 'http', index]));
    tls.forEach((rule, index) => {
      const path = ['spec', 'tls', index];
      if ((rule.match ?? []).length === 0) this.at.invalid(path, 'MESH_MATCH_EMPTY', `${fieldOf(path)} says which SNI it takes, got no match`, 'add match: [{sniHosts: […]}]');
      rule.match?.forEach((match, number) => {
        this.l4Match(match, [...path, 'match', number]);
        this.sniHosts(match.sniHosts ?? [], [...path, 'match', number]);
      });
      this.l4(rule.route ?? [], path);
    });
    tcp.forEach((rule, index) => {
      rule.match?.forEach((match, number) => this.l4Match(match, ['spec', 'tcp', index, 'match', number]));
      this.l4(rule.route ?? [], ['spec', 'tcp', index]);
    });
  }

  private http(rule: HttpRoute, path: Path): void {
    const route = rule.route ?? [];
    const { gateways = [] } = this.spec;
    rule.match?.forEach((match, index) => {
      const place = [...path, 'match', index];
      conditionRules(this.at, match, place, gateways.length > 0 && !gateways.includes('mesh'));
      this.gateways(match.gateways ?? [], [...place, 'gateways']);
    });
    if (rule.delegate !== undefined) {
      for (const field of ['redirect', 'route'] as const) {
        if (rule[field] !== undefined && (field !== 'route' || route.length > 0)) {
          this.at.invalid([...path, field], 'MESH_ACTION_CONFLICT', `${fieldOf(path)} hands over to a delegate and takes no ${field}, got both`, `remove ${field} or delegate`);
        }
      }
      if ((this.spec.hosts ?? []).length === 0) {
        this.at.invalid([...path, 'delegate'], 'MESH_DELEGATE_INVALID', 'a delegate cannot delegate again, got a delegate in a VirtualService without hosts', 'name the final VirtualService in the root');
      }
    } else {
      this.action(rule, path);
      this.destinations(route, [...path, 'route']);
    }
    if (rule.mirror !== undefined) this.destination(rule.mirror, [...path, 'mirror']);
    rule.mirrors?.forEach((mirror, index) => {
      if (mirror.destination !== undefined) this.destination(mirror.destination, [...path, 'mirrors', index, 'destination']);
    });
    httpRouteRules(this.at, rule, path);
  }

  private action(rule: HttpRoute, path: Path): void {
    const route = rule.route ?? [];
    const conflict = (field: string, other: string) => this.at.invalid([...path, field], 'MESH_ACTION_CONFLICT',
      `${fieldOf(path)} takes ${field} or ${other}, not both, got both`, 'keep one of them');
    if (rule.redirect !== undefined) {
      if (route.length > 0) conflict('redirect', 'route');
      for (const other of ['fault', 'rewrite', 'directResponse'] as const) if (rule[other] !== undefined) conflict('redirect', other);
    } else if (rule.directResponse !== undefined) {
      if (route.length > 0) conflict('directResponse', 'route');
      for (const other of ['fault', 'rewrite'] as const) if (rule[other] !== undefined) conflict('directResponse', other);
    } else if (route.length === 0) {
      this.at.invalid(path, 'MESH_ROUTES_MISSING', `${fieldOf(path)} has a route, a redirect or a directResponse, got none`, 'add route: [{destination: {host: …}}]');
    }
    if (rule.mirror !== undefined && (rule.mirrors?.length ?? 0) > 0) conflict('mirror', 'mirrors');
  }

  private l4(route: readonly L4Destination[], path: Path): void {
    if (route.length === 0) this.at.invalid(path, 'MESH_ROUTES_MISSING', `${fieldOf(path)} has a route, got none`, 'add route: [{destination: {host: …}}]');
    this.destinations(route, [...path, 'route']);
  }

  private l4Match(match: L4Match, path: Path): void {
    match.destinationSubnets?.forEach((subnet, index) => {
      if (!isSubnet(subnet)) this.at.invalid([...path, 'destinationSubnets', index], 'MESH_ADDRESS_INVALID', `a subnet is an IP address or block, got ${quote(subnet)}`, 'correct it');
    });
    if (match.port !== undefined && match.port !== 0 && !isPort(match.port)) this.at.invalid([...path, 'port'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${match.port}`, 'choose one in that range');
    labelRules(this.at, match.sourceLabels, [...path, 'sourceLabels']);
    this.gateways(match.gateways ?? [], [...path, 'gateways']);
  }

  private sniHosts(hosts: readonly string[], path: Path): void {
    if (hosts.length === 0) this.at.invalid(path, 'MESH_HOST_MISSING', `${fieldOf(path)} has at least one of sniHosts, got none`, 'name the SNI');
    const own = this.spec.hosts ?? [];
    hosts.forEach((host, index) => {
      const place = [...path, 'sniHosts', index];
      if (isIp(host)) this.at.doubtful(place, 'MESH_HOST_INVALID', `SNI is a DNS name, clients send no address in it, got ${host}`, 'name the host');
      if (!isWildcardDomain(host) && !isIp(host) && !isSniName(host)) {this.at.invalid(place, 'MESH_HOST_INVALID', `an SNI is a DNS name or *.suffix, got ${quote(host)}`, 'correct it');} else if (own.length > 0 && !own.some(outer => hostSubsetOf(host, outer))) {
        this.at.invalid(place, 'MESH_HOST_INVALID', `an SNI is covered by the hosts of its VirtualService, got ${host} under ${own.join(', ')}`, 'add it to spec.hosts');
      }
    });
  }

  private destinations(route: readonly L4Destination[], path: Path): void {
    route.forEach(({ destination, weight }, index) => {
      const at = [...path, index];
      if (weight !== undefined && weight < 0) this.at.invalid([...at, 'weight'], 'MESH_WEIGHT_INVALID', `${fieldOf([...at, 'weight'])} is 0 or more, got ${weight}`, 'write the share this destination takes');
      if (destination === undefined) return; // the schema says it is missing
      this.destination(destination, [...at, 'destination']);
    });
    if (route.length > 1 && route.every(({ weight = 0 }) => weight === 0)) {
      this.at.invalid(path, 'MESH_WEIGHT_INVALID', `the weights of ${fieldOf(path)} add up to more than 0, got 0 for all ${route.length} destinations`, 'give at least one a weight');
    }
  }

  private destination({ host, subset, port }: Destination, path: Path): void {
    if (host === '*' || !isWildcardDomain(host)) {
      this.at.invalid([...path, 'host'], 'MESH_HOST_INVALID', `a destination is one DNS name, got ${quote(host)}`, 'name a service, without scheme, port or path');
    }
    if (subset !== undefined && subset !== '' && !isLabel(subset)) {
      this.at.invalid([...path, 'subset'], 'MESH_NAME_INVALID', `a subset's name has letters, digits and -, got ${quote(subset)}`, 'correct the name');
    }
    if (port !== undefined && !isPort(port.number ?? 0)) {
      this.at.invalid([...path, 'port', 'number'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${port.number ?? 'none'}`, 'choose one in that range');
    }
  }

  /** Istio looks at no name behind one without namespace. */
  private gateways(references: readonly string[], path: Path): void {
    const short = references.findIndex(reference => !reference.includes('/'));
    references.slice(0, short < 0 ? undefined : short + 1).forEach((reference, index) => this.gateway(reference, [...path, index]));
  }

  /** `namespace/name`, or a name; the old form with dots still works and is doubtful. */
  private gateway(reference: string, path: Path): void {
    const [namespace, name, ...rest] = reference.split('/');
    if (name === undefined) {
      if (!isFqdn(reference)) this.at.invalid(path, 'MESH_GATEWAY_REFERENCE', `a gateway is named namespace/name, got ${quote(reference)}`, 'correct the name');
      else if (reference.includes('.') && path.length === 3) this.at.doubtful(path, 'MESH_GATEWAY_REFERENCE', `a gateway named by a host is the old form, got ${reference}`, 'write namespace/name');
    } else if (rest.length > 0 || !isLabel(namespace) || !isLabel(name)) {
      this.at.invalid(path, 'MESH_GATEWAY_REFERENCE', `a gateway is named namespace/name, got ${quote(reference)}`, 'correct the name');
    }
  }
}

/** `outbound_.8080_.v1_.reviews.default.svc.cluster.local`: how an east-west gateway tells destinations apart. */
function isSniName(host: string): boolean {
  const match = /^outbound_\.(\d+)_\.([^_]*)_\.(.+)$/.exec(host);
  return match !== null && isPort(Number(match[1])) && (match[2] === '' || isLabel(match[2])) && isFqdn(match[3]);
}

/** Index of each host that overlaps an earlier one, with that one's index. */
function overlaps(hosts: readonly string[]): [number, number][] {
  const found: [number, number][] = [];
  const exact = new Map<string, number>();
  const wildcards: number[] = [];
  const nearest = (host: string): number | undefined => wildcards.find(index => hostsMatch(hosts[index], host));
  hosts.forEach((host, index) => {
    const covered = () => (isWildcard(host) ? hosts.findIndex((other, before) => before < index && hostsMatch(other, host)) : undefined);
    const twin = exact.get(host) ?? nearest(host) ?? covered();
    if (twin !== undefined && twin >= 0) found.push([index, twin]);
    if (isWildcard(host)) wildcards.push(index);
    if (!exact.has(host)) exact.set(host, index);
  });
  return found;
}
