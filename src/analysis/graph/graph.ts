import { Mesh } from '../../compiler/mesh';
import type { VirtualService } from '../../compiler/scope/virtual-services';
import type { PeerAuthentications } from '../../compiler/security/peer-authentication';
import { objectOf, objectsOf, textMapOf, textOf, type Json } from '../../model/json';
import type { Model } from '../../model/model';
import { resolveGateway, resolveHost } from '../../model/names';
import { compare } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Service, Workload } from '../../model/service';
import { callsOf, workloadName } from '../explain';

/** Something that sends or takes requests. */
export interface Node {
  /** `gateway:NAME.NS`, `service:HOST` or `workload:NAME.NS`. */
  readonly id: string;
  readonly kind: 'gateway' | 'service' | 'external' | 'workload';
  readonly name: string;
  readonly namespace: string;
  /** Takes nothing but mutual TLS. */
  readonly locked: boolean;
}

/** Where requests go from one to another. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** `route`: what rules say, or a service does without one; `copy`: what is mirrored; `call`: what a workload is known to call. */
  readonly kind: 'route' | 'copy' | 'call';
  /** Share of the requests of the rule. */
  readonly percent: number;
  /** What a request must have for it: `end-user = jason`; '' for any. */
  readonly when: string;
  /** `delay 7s 100%, abort 500 10%`; '' for none. */
  readonly fault: string;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** The mesh as it is meant, before any traffic: gateways, services, the workloads behind them, and what rules make of the ways between. */
export function graphOf(model: Model): Graph {
  return new Drawing(model).draw();
}

class Drawing {
  private readonly nodes = new Map<string, Node>();
  private readonly edges = new Map<string, Edge>();
  private readonly rules: readonly VirtualService[];
  private readonly locks: PeerAuthentications;

  public constructor(private readonly model: Model) {
    const mesh = new Mesh(model);
    this.rules = mesh.virtualServices.all;
    this.locks = mesh.peerAuthentications;
  }

  public draw(): Graph {
    const { model } = this;
    const doors = model.workloads.filter(({ gateway }) => gateway);
    const gateways = new Set(doors.flatMap(workload => model.targetsOf(workload).map(({ service }) => service)));
    for (const service of model.services.filter(each => !gateways.has(each))) this.service(service);
    for (const workload of model.workloads) {
      const from = this.workload(workload);
      if (workload.gateway) this.fromGateway(workload, from);
      else for (const { hostname } of callsOf(model, workload)) this.edge({ from, to: `service:${hostname}`, kind: 'call', percent: 100, when: '', fault: '' });
    }
    // An edge to what nobody has drawn, a gateway's own Service, says nothing.
    const edges = [...this.edges.values()].filter(({ from, to }) => this.nodes.has(from) && this.nodes.has(to));
    const key = ({ from, to, kind, when }: Edge): string => [from, to, kind, when].join('\u0000');
    return { nodes: [...this.nodes.values()].sort((a, b) => compare(a.id, b.id)), edges: edges.sort((a, b) => compare(key(a), key(b))) };
  }

  private service(service: Service): void {
    const { hostname, name, namespace, meshExternal } = service;
    const id = `service:${hostname}`;
    this.nodes.set(id, { id, kind: meshExternal ? 'external' : 'service', name: meshExternal ? hostname : name, namespace, locked: false });
    const rule = this.rules.find(({ hosts, gateways }) => gateways.includes('mesh') && hosts.includes(hostname));
    const http = rule?.spec.http ?? [];
    if (rule !== undefined && http.length > 0) this.follow(id, rule, http as readonly Json[], hostname);
    else for (const workload of this.behind(hostname, '')) this.edge({ from: id, to: this.workload(workload), kind: 'route', percent: 100, when: '', fault: '' });
  }

  private workload(workload: Workload): string {
    const { namespace, gateway, labels } = workload;
    const name = workloadName(workload);
    const id = `${gateway ? 'gateway' : 'workload'}:${name}`;
    const locked = !gateway && this.locks.ofWorkload(namespace, labels) === 'STRICT';
    this.nodes.set(id, { id, kind: gateway ? 'gateway' : 'workload', name: name.slice(0, -namespace.length - 1), namespace, locked });
    return id;
  }

  private fromGateway({ labels }: Workload, from: string): void {
    const own = new Set(this.model.of('Gateway').filter(({ spec }) => selects(textMapOf(spec.selector), labels)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    for (const rule of this.rules) {
      const serves = rule.gateways.some(gateway => own.has(resolveGateway(gateway, rule.namespace)));
      if (serves) this.follow(from, rule, (rule.spec.http ?? []) as readonly Json[], '');
    }
  }

  /** Draws the rules of a VirtualService from a gateway, or from the service that they are about. */
  private follow(from: string, rule: VirtualService, http: readonly Json[], own: string): void {
    for (const { match, route, mirror, mirrors, mirrorPercentage, fault } of http) {
      const when = objectsOf(match).map(conditionOf).join(' or ');
      const destinations = objectsOf(route);
      const total = destinations.reduce((sum, { weight }) => sum + Number(weight ?? 0), 0);
      for (const { destination, weight } of destinations) {
        const percent = destinations.length === 1 || total === 0 ? 100 / destinations.length : 100 * Number(weight ?? 0) / total;
        if (percent > 0) this.to(from, rule, objectOf(destination), own, { kind: 'route', percent, when, fault: faultOf(objectOf(fault)) });
      }
      for (const { destination, percentage } of [{ destination: mirror, percentage: mirrorPercentage }, ...objectsOf(mirrors)]) {
        if (destination !== undefined) this.to(from, rule, objectOf(destination), own, { kind: 'copy', percent: Number(objectOf(percentage).value ?? 100), when, fault: '' });
      }
    }
  }

  private to(from: string, rule: VirtualService, { host, subset }: Json, own: string, edge: Omit<Edge, 'from' | 'to'>): void {
    const hostname = resolveHost(textOf(host) ?? '', rule.namespace, this.model.domain).toLowerCase();
    if (hostname !== own) return this.edge({ from, to: `service:${hostname}`, ...edge });
    const workloads = this.behind(hostname, textOf(subset) ?? '');
    for (const workload of workloads) this.edge({ from, to: this.workload(workload), ...edge });
  }

  /** Workloads of a service, one for each controller, those of a subset only. */
  private behind(hostname: string, subset: string): Workload[] {
    const rule = this.model.of('DestinationRule').find(({ spec, metadata }) => (
      resolveHost(textOf(spec.host) ?? '', metadata.namespace, this.model.domain).toLowerCase() === hostname));
    const labels = textMapOf(objectsOf(rule?.spec.subsets).find(({ name }) => name === subset)?.labels);
    const found = this.model.workloads.filter(workload => selects(labels, workload.labels)
      && this.model.targetsOf(workload).some(({ service }) => service.hostname === hostname));
    return [...new Map(found.map(workload => [workloadName(workload), workload])).values()];
  }

  private edge(edge: Edge): void {
    this.edges.set(JSON.stringify(edge), edge);
  }
}

/** `/reviews*, end-user = jason`. */
function conditionOf({ uri, headers, sourceLabels }: Json): string {
  const text = (condition: Json): string => textOf(condition.exact) ?? (condition.prefix === undefined ? `~${textOf(condition.regex) ?? ''}` : `${textOf(condition.prefix)}*`);
  const parts = [
    ...uri === undefined ? [] : [text(objectOf(uri))],
    ...Object.entries(objectOf(headers)).map(([name, condition]) => `${name} = ${text(objectOf(condition))}`),
    ...Object.entries(textMapOf(sourceLabels)).map(([name, value]) => `from ${name}=${value}`),
  ];
  return parts.length === 0 ? 'any' : parts.join(', ');
}

function faultOf({ delay, abort }: Json): string {
  const share = (part: Json): string => `${Number(objectOf(part.percentage).value ?? part.percent ?? 100)}%`;
  const [late, ended] = [objectOf(delay), objectOf(abort)];
  return [
    ...delay === undefined ? [] : [`delay ${textOf(late.fixedDelay) ?? ''} ${share(late)}`],
    ...abort === undefined ? [] : [`abort ${String(ended.httpStatus ?? textOf(ended.grpcStatus) ?? '')} ${share(ended)}`],
  ].join(', ');
}
