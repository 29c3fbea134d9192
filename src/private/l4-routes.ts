import type { IConstruct } from 'constructs';
import { requireInteger } from './check';
import { finding, meshError } from './errors';
import { hostsMatch } from './hosts';
import { destinationOf, requireWeights, type RuleContext } from './http-rule';
import type { networking } from '../../imports';
import type { RouteTarget } from '../route';

/** One alternative of a TCP or TLS rule; `{}` takes every connection. */
export type L4Match = Omit<networking.VirtualServiceSpecTlsMatch, 'sniHosts'> & { readonly sniHosts?: string[] };

interface L4Rule {
  readonly owner: IConstruct;
  readonly id: string;
  readonly priority: number;
  readonly match: readonly L4Match[];
  readonly route: networking.VirtualServiceSpecTcpRoute[];
}

/** What a rule for connections is made of. */
export interface L4RouteProps {
  readonly match?: readonly { _toKube(): L4Match }[];
  readonly targets: readonly RouteTarget[];
  readonly priority?: number;
}

const ALL: readonly L4Match[] = [{}];

/** The tcp or tls rules of one host, put into order: priority, then the more specific match, then the id. */
export class L4Routes {
  private readonly rules: L4Rule[] = [];
  private readonly owners = new Set<IConstruct>();

  /**
   * @param kind what targets without a port must have one of
   * @param host what messages call the host
   */
  public constructor(private readonly kind: 'TCP' | 'TLS', private readonly host: string) {}

  public get isEmpty(): boolean { return this.rules.length === 0; }

  public addRoute(owner: IConstruct, id: string, props: L4RouteProps, context: RuleContext): void {
    const what = `${this.kind} route "${id}"`;
    const known = this.rules.find((rule) => rule.id === id);
    if (known !== undefined) {
      throw meshError(owner, 'MESH_ROUTE_DUPLICATE', `the ids of the ${this.kind} routes of ${this.host} must differ, got "${id}" twice (the other one is from ${known.owner.node.path}); give one of them another`);
    }
    if (props.match?.length === 0) throw meshError(owner, 'MESH_MATCH_EMPTY', `match of ${what} must have at least one alternative, got []; add one, or leave match away for all`);
    if (props.priority !== undefined) requireInteger(owner, 'MESH_PRIORITY_RANGE', `priority of ${what}`, props.priority, -2147483648, 2147483647);
    requireWeights(owner, id, props.targets);
    const headers = props.targets.find((target) => target.requestHeaders !== undefined || target.responseHeaders !== undefined);
    if (headers !== undefined) throw meshError(owner, 'MESH_ROUTE_PROTOCOL', `a target of ${what} must not change headers, which only HTTP has, got some for ${headers.destination.node.path}; leave the changes away`);
    const fits = (protocol: string) => (this.kind === 'TCP' ? protocol === 'TCP' : protocol === 'TLS' || protocol === 'HTTPS');
    const route = props.targets.map((target) => ({
      destination: destinationOf(owner, id, target, context, this.kind, (port) => fits(port.protocol)), weight: target.weight,
    }));
    this.rules.push({ owner, id, priority: props.priority ?? 0, match: props.match?.map((match) => match._toKube()) ?? ALL, route });
    if (this.owners.has(owner)) return;
    this.owners.add(owner);
    owner.node.addValidation({ validate: () => this.covered().filter((found) => found.owner === owner).map((found) => found.text) });
  }

  /** The rules in the order in which they are tried; undefined without any. */
  public render(): { match?: L4Match[]; route: networking.VirtualServiceSpecTcpRoute[] }[] | undefined {
    if (this.isEmpty) return undefined;
    return this.sorted().map(({ match, route }) => ({ match: match === ALL ? undefined : [...match], route }));
  }

  private sorted(): L4Rule[] {
    return [...this.rules].sort((a, b) => b.priority - a.priority || compare(widest(a), widest(b)) || (a.id < b.id ? -1 : 1));
  }

  private covered(): { owner: IConstruct; text: string }[] {
    const sorted = this.sorted();
    return sorted.flatMap((rule, index) => {
      const cover = sorted.slice(0, index).find((earlier) => rule.match.every((narrow) => earlier.match.some((wide) => covers(wide, narrow))));
      return cover === undefined ? [] : [{
        owner: rule.owner,
        text: finding('MESH_RULE_UNREACHABLE', `${this.kind} route "${rule.id}" of ${this.host} must get connections, got all of them taken by route "${cover.id}" (${cover.owner.node.path}); narrow that one, or give this one a higher priority`),
      }];
    });
  }
}

function compare(a: L4Match, b: L4Match): number {
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((value, at) => value !== right[at]);
  return index === -1 ? 0 : right[index] - left[index];
}

/** Names before wildcards, the longer wildcard first; then the number of other conditions. */
function rank({ sniHosts, port, destinationSubnets, sourceLabels, sourceNamespace }: L4Match): number[] {
  const sni = sniHosts === undefined ? 0 : Math.min(...sniHosts.map((host) => (host.startsWith('*') ? host.length : 1000)));
  return [sni, [destinationSubnets, port, sourceNamespace].filter((part) => part !== undefined).length + Object.keys(sourceLabels ?? {}).length];
}

function widest(rule: L4Rule): L4Match {
  return [...rule.match].sort((a, b) => compare(b, a))[0];
}

/** A wildcard takes nothing from a name: Envoy looks for the closest name first, in whatever order the rules stand. */
function covers(wide: L4Match, narrow: L4Match): boolean {
  return (wide.port === undefined || wide.port === narrow.port)
    && (wide.sourceNamespace === undefined || wide.sourceNamespace === narrow.sourceNamespace)
    && Object.entries(wide.sourceLabels ?? {}).every(([name, value]) => narrow.sourceLabels?.[name] === value)
    && (wide.destinationSubnets === undefined || (narrow.destinationSubnets?.every((subnet) => wide.destinationSubnets!.includes(subnet)) ?? false))
    && (wide.sniHosts === undefined || (narrow.sniHosts?.every((host) => wide.sniHosts!.includes(host)) ?? false));
}

/** Whether every name that a host stands for is one that the other stands for. */
export function isWithin(host: string, other: string): boolean {
  return host === other || (other.startsWith('*') && hostsMatch(host, other) && (!host.startsWith('*') || host.length >= other.length));
}
