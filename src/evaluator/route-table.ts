import type { HttpRequestFacts } from './decision';
import { DomainIndex, withoutPort } from './domains';
import { prepareFilterSettings } from './filter-config';
import { NO_CHANGES } from './header-mutations';
import { pathOnly } from './path';
import { prepareRule, type Rule } from './rule';
import { quote, type TraceSink } from './trace';
import { VirtualHost_TlsRequirementType as Tls } from '../xds/gen/envoy/config/route/v3/route_components_pb';
import type { VirtualHost } from '../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';

/** A route configuration, prepared. */
export interface RouteTable {
  readonly name: string;
  readonly virtualHosts: readonly HostTable[];
  /** @internal */
  readonly index: DomainIndex<HostTable>;
  readonly ignorePort: boolean;
  readonly ignorePathParameters: boolean;
}

/** A virtual host, prepared. */
export interface HostTable {
  readonly name: string;
  readonly domains: readonly string[];
  readonly requireTls: Tls;
  readonly rules: readonly Rule[];
  /** Stands for the redirect that `require_tls` makes. */
  readonly tlsRedirect: Rule;
}

/** The rule that takes a request. */
export type MatchedRoute = Rule;

const tables = new WeakMap<RouteConfiguration, RouteTable>();

/** Prepares a route configuration once; the same message gives the same table. Throws on what Envoy or this version refuses. */
export function prepareRoutes(configuration: RouteConfiguration): RouteTable {
  let table = tables.get(configuration);
  if (table === undefined) {
    table = build(configuration);
    tables.set(configuration, table);
  }
  return table;
}

function build(configuration: RouteConfiguration): RouteTable {
  const index = new DomainIndex<HostTable>();
  const globals = prepareFilterSettings(configuration.typedPerFilterConfig);
  const virtualHosts = configuration.virtualHosts.map(virtualHost => {
    if (virtualHost.matcher !== undefined) throw new Error(`virtual host ${virtualHost.name}: matcher is not supported`);
    const inherited = { ...globals, ...prepareFilterSettings(virtualHost.typedPerFilterConfig) };
    const table: HostTable = {
      name: virtualHost.name,
      domains: virtualHost.domains,
      requireTls: virtualHost.requireTls,
      rules: virtualHost.routes.map((route, i) => prepareRule(route, i, { configuration, virtualHost, inherited })),
      tlsRedirect: tlsRedirect(virtualHost),
    };
    virtualHost.domains.forEach(domain => index.add(domain, table));
    return table;
  });
  const { name, ignorePortInHostMatching: ignorePort, ignorePathParametersInPathMatching: ignorePathParameters } = configuration;
  return { name, virtualHosts, index, ignorePort, ignorePathParameters };
}

function tlsRedirect({ name }: VirtualHost): Rule {
  const anyPath = { test: () => true, wants: 'any path', explain: () => '', rewritten: 0 };
  return {
    name: '',
    index: -1,
    virtualHost: name,
    source: '',
    path: anyPath,
    conditions: [],
    action: { kind: 'requireTls' },
    filters: {},
    responseHeaders: NO_CHANGES,
  };
}

/** The first rule that takes the request, in Envoy's order. `undefined`: 404, response flag NR. */
export function matchRoute(table: RouteTable, request: HttpRequestFacts, trace?: TraceSink): MatchedRoute | undefined {
  const host = (table.ignorePort ? withoutPort(request.authority) : request.authority).toLowerCase();
  const virtualHost = table.index.find(host);
  if (trace !== undefined) traceHost(table, host, virtualHost, trace);
  if (virtualHost === undefined) return undefined;
  if (needsTls(virtualHost, request)) {
    trace?.({ step: 'rule', name: 'require_tls', outcome: 'chosen', because: `virtual host requires TLS (scheme ${request.scheme})` });
    return virtualHost.tlsRedirect;
  }
  const path = routedPath(table, request.path);
  if (trace !== undefined) return tracedRule(virtualHost.rules, request, path, trace);
  for (const rule of virtualHost.rules) {
    if (rule.path.test(path) && holds(rule, request)) return rule;
  }
  return undefined;
}

function holds({ conditions }: Rule, request: HttpRequestFacts): boolean {
  for (const condition of conditions) {
    if (!condition.test(request)) return false;
  }
  return true;
}

function needsTls({ requireTls }: HostTable, request: HttpRequestFacts): boolean {
  if (requireTls === Tls.NONE || request.scheme === 'https') return false;
  return requireTls === Tls.ALL || request.headers.get('x-envoy-internal') !== 'true';
}

function routedPath(table: RouteTable, path: string): string {
  const only = pathOnly(path);
  if (!table.ignorePathParameters) return only;
  const semicolon = only.indexOf(';');
  return semicolon < 0 ? only : only.slice(0, semicolon);
}

function traceHost(table: RouteTable, host: string, chosen: HostTable | undefined, trace: TraceSink): void {
  if (chosen === undefined) {
    const known = table.virtualHosts.flatMap(({ domains }) => domains);
    const because = `no virtual host has a domain for ${quote(host)}`;
    trace({ step: 'virtualHost', name: table.name, outcome: 'failed', because, detail: listed(known) });
    return;
  }
  const { domains } = chosen;
  const domain = domains.find(candidate => candidate.toLowerCase() === host) ?? domains.find(candidate => wildcardCovers(candidate, host)) ?? host;
  const because = domain === '*' ? `no other domain is ${quote(host)}; "*" takes the rest` : `host ${quote(host)} matches its domain ${quote(domain)}`;
  trace({ step: 'virtualHost', name: chosen.name, outcome: 'chosen', because, detail: `route configuration ${table.name}` });
}

function wildcardCovers(domain: string, host: string): boolean {
  const key = domain.toLowerCase();
  if (key.startsWith('*')) return host.endsWith(key.slice(1));
  return key.endsWith('*') && host.startsWith(key.slice(0, -1));
}

function listed(values: readonly string[]): string {
  const most = 20;
  return values.length <= most ? values.join(', ') : `${values.slice(0, most).join(', ')} and ${values.length - most} more`;
}

/** The same loop with every rule told; later rules are told as skipped, so that a reader sees them all. */
function tracedRule(rules: readonly Rule[], request: HttpRequestFacts, path: string, trace: TraceSink): Rule | undefined {
  let chosen: Rule | undefined;
  for (const rule of rules) {
    const wants = [rule.path, ...rule.conditions].map(condition => condition.wants).join(' and ');
    const common = { step: 'rule' as const, name: ruleName(rule), index: rule.index, detail: wants, ...(rule.source !== '' && { source: rule.source }) };
    if (chosen !== undefined) {
      trace({ ...common, outcome: 'skipped', because: `${ruleName(chosen)} came first` });
      continue;
    }
    const failed = rule.path.test(path) ? rule.conditions.find(condition => !condition.test(request)) : undefined;
    if (!rule.path.test(path)) {
      trace({ ...common, outcome: 'failed', because: rule.path.explain(path) });
    } else if (failed !== undefined) {
      trace({ ...common, outcome: 'failed', because: failed.explain(request) });
    } else {
      chosen = rule;
      trace({ ...common, outcome: 'chosen', because: wants });
    }
  }
  return chosen;
}

/** A rule as traces call it: its name, or its place in the virtual host. */
export function ruleName(rule: Rule): string {
  return rule.name === '' ? `route ${rule.index + 1}` : rule.name;
}
