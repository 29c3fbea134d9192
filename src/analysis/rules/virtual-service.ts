import type { HttpDestination, HttpRetry, HttpRoute, L4Destination, VirtualServiceSpec } from '../../compiler/istio-api';
import { hostsMatch } from '../../model/hosts';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { invalid, doubtful } from './context';
import type { Context } from './context';
import { isIp, isLabel, isPort, isWildcardDomain, regexFault } from './predicates';
import { matchRules } from './virtual-service-match';

type VirtualService = Resource<VirtualServiceSpec>;

/** istio-validation §1.4: what a VirtualService may say, looked at alone. */
export function virtualServiceRules(context: Context): void {
  for (const resource of context.sound<VirtualServiceSpec>('VirtualService')) {
    const check = new Check(context, resource);
    check.hosts();
    check.routes();
    matchRules(context, resource);
  }
}

class Check {
  private readonly spec: VirtualServiceSpec;

  public constructor(private readonly context: Context, private readonly resource: VirtualService) {
    this.spec = resource.spec ?? {};
  }

  public hosts(): void {
    const hosts = this.spec.hosts ?? [];
    const gateways = this.spec.gateways ?? [];
    if (hosts.length === 0) {
      for (const field of ['gateways', 'tls', 'tcp'] as const) {
        if ((this.spec[field]?.length ?? 0) > 0) {
          this.fault(['spec', field], 'MESH_DELEGATE_INVALID', `a VirtualService without hosts is a delegate and takes http only, got ${field}`, `add hosts or remove ${field}`);
        }
      }
    }
    const inMesh = gateways.length === 0 || gateways.includes('mesh');
    hosts.forEach((host, index) => {
      const path = ['spec', 'hosts', index];
      if (host === '*' && inMesh) {
        this.fault(path, 'MESH_HOST_INVALID', 'the host * would take all traffic of the mesh, got "*"', 'name the hosts, or bind the rule to a gateway');
      } else if (!isWildcardDomain(host) && !isIp(host)) {
        this.fault(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is a DNS name, *.suffix or IP address, got ${JSON.stringify(host)}`, 'write the host without scheme, port or path');
      }
      const twin = hosts.findIndex((other, before) => before < index && hostsMatch(other, host));
      if (twin >= 0) this.fault(path, 'MESH_HOST_DUPLICATE', `${fieldOf(path)} overlaps spec.hosts[${twin}], got ${host} and ${hosts[twin]}`, 'keep one of them');
    });
  }

  public routes(): void {
    const { http = [], tls = [], tcp = [] } = this.spec;
    if (http.length + tls.length + tcp.length === 0) {
      this.fault(['spec'], 'MESH_ROUTES_MISSING', 'a VirtualService has at least one rule under http, tls or tcp, got none', 'add http: [{route: [{destination: {host: …}}]}]');
    }
    http.forEach((rule, index) => this.http(rule, ['spec', 'http', index]));
    tls.forEach((rule, index) => this.l4(rule.route ?? [], ['spec', 'tls', index]));
    tcp.forEach((rule, index) => this.l4(rule.route ?? [], ['spec', 'tcp', index]));
  }

  private http(rule: HttpRoute, path: Path): void {
    const route = rule.route ?? [];
    if (rule.delegate !== undefined) {
      for (const field of ['redirect', 'route'] as const) {
        if (rule[field] !== undefined && (field !== 'route' || route.length > 0)) {
          this.fault([...path, field], 'MESH_ACTION_CONFLICT', `${fieldOf(path)} hands over to a delegate and takes no ${field}, got both`, `remove ${field} or delegate`);
        }
      }
      if ((this.spec.hosts ?? []).length === 0) {
        this.fault([...path, 'delegate'], 'MESH_DELEGATE_INVALID', 'a delegate cannot delegate again, got a delegate in a VirtualService without hosts', 'name the final VirtualService in the root');
      }
      return;
    }
    this.action(rule, route, path);
    this.destinations(route, [...path, 'route']);
    this.fields(rule, path);
    if (rule.retries !== undefined) this.retries(rule.retries, [...path, 'retries']);
  }

  private action(rule: HttpRoute, route: readonly HttpDestination[], path: Path): void {
    const conflict = (field: string, other: string) => this.fault([...path, field], 'MESH_ACTION_CONFLICT',
      `${fieldOf(path)} takes ${field} or ${other}, not both, got both`, 'keep one of them');
    if (rule.redirect !== undefined) {
      if (route.length > 0) conflict('redirect', 'route');
      for (const other of ['fault', 'rewrite', 'directResponse'] as const) if (rule[other] !== undefined) conflict('redirect', other);
    } else if (rule.directResponse !== undefined) {
      if (route.length > 0) conflict('directResponse', 'route');
      for (const other of ['fault', 'rewrite'] as const) if (rule[other] !== undefined) conflict('directResponse', other);
    } else if (route.length === 0) {
      this.fault(path, 'MESH_ROUTES_MISSING', `${fieldOf(path)} has a route, a redirect or a directResponse, got none`, 'add route: [{destination: {host: …}}]');
    }
    if (rule.mirror !== undefined && (rule.mirrors?.length ?? 0) > 0) conflict('mirror', 'mirrors');
  }

  private fields(rule: HttpRoute, path: Path): void {
    const { fault, redirect, directResponse, rewrite } = rule;
    if (fault !== undefined && fault.abort === undefined && fault.delay === undefined) {
      this.fault([...path, 'fault'], 'MESH_FAULT_INVALID', `${fieldOf(path)}.fault has an abort or a delay, got neither`, 'add one of them');
    }
    const abort = fault?.abort;
    if (abort?.httpStatus !== undefined && (abort.httpStatus < 200 || abort.httpStatus > 600)) {
      this.fault([...path, 'fault', 'abort', 'httpStatus'], 'MESH_STATUS_INVALID', `an abort has a status from 200 to 600, got ${abort.httpStatus}`, 'choose one in that range');
    }
    if (abort !== undefined && abort.httpStatus === undefined && abort.grpcStatus === undefined) {
      this.context.report(this.resource, [...path, 'fault', 'abort'], doubtful('MESH_FAULT_INVALID', 'an abort without httpStatus or grpcStatus does nothing', 'add httpStatus'));
    }
    for (const kind of ['abort', 'delay'] as const) this.percent(fault?.[kind]?.percentage?.value, [...path, 'fault', kind, 'percentage', 'value']);
    this.percent(rule.mirrorPercentage?.value, [...path, 'mirrorPercentage', 'value']);
    rule.mirrors?.forEach((mirror, index) => this.percent(mirror.percentage?.value, [...path, 'mirrors', index, 'percentage', 'value']));
    if (directResponse !== undefined && (directResponse.status < 200 || directResponse.status > 600)) {
      this.fault([...path, 'directResponse', 'status'], 'MESH_STATUS_INVALID', `a direct response has a status from 200 to 600, got ${directResponse.status}`, 'choose one in that range');
    }
    if (redirect !== undefined) this.redirect(redirect, [...path, 'redirect'], rule);
    if (rewrite !== undefined) this.rewrite(rewrite, [...path, 'rewrite']);
  }

  private redirect(redirect: NonNullable<HttpRoute['redirect']>, path: Path, rule: HttpRoute): void {
    const { uri, prefixRewrite, authority, scheme, port, derivePort, redirectCode } = redirect;
    if (uri !== undefined && prefixRewrite !== undefined) this.fault(path, 'MESH_ACTION_CONFLICT', 'a redirect has a uri or a prefixRewrite, got both', 'keep one of them');
    if ([uri, prefixRewrite, authority, scheme, port, derivePort].every(value => value === undefined)) {
      this.fault(path, 'MESH_REDIRECT_INVALID', 'a redirect changes at least one of uri, prefixRewrite, authority, scheme, port, got none', 'say where to redirect');
    }
    if (redirectCode !== undefined && redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399)) {
      this.fault([...path, 'redirectCode'], 'MESH_STATUS_INVALID', `a redirect has a code from 300 to 399, got ${redirectCode}`, 'write 301, 302, 303, 307 or 308');
    }
    if (scheme !== undefined && scheme !== '' && !['http', 'https'].includes(scheme)) {
      this.fault([...path, 'scheme'], 'MESH_REDIRECT_INVALID', `a redirect's scheme is http or https, got ${JSON.stringify(scheme)}`, 'choose one of them');
    }
    if (prefixRewrite !== undefined && !(rule.match ?? []).every(match => match.uri?.prefix !== undefined)) {
      this.fault([...path, 'prefixRewrite'], 'MESH_REDIRECT_INVALID', 'prefixRewrite replaces a matched prefix, got a match without uri.prefix', 'match by uri.prefix or use uri');
    }
  }

  private rewrite(rewrite: NonNullable<HttpRoute['rewrite']>, path: Path): void {
    const { uri, uriRegexRewrite, authority } = rewrite;
    if (uri !== undefined && uriRegexRewrite !== undefined) this.fault(path, 'MESH_ACTION_CONFLICT', 'a rewrite has a uri or a uriRegexRewrite, got both', 'keep one of them');
    if ([uri, uriRegexRewrite, authority].every(value => value === undefined)) {
      this.fault(path, 'MESH_REWRITE_INVALID', 'a rewrite changes at least one of uri, uriRegexRewrite, authority, got none', 'say what to rewrite');
    }
    if (uriRegexRewrite !== undefined) {
      const reason = regexFault(uriRegexRewrite.match ?? '');
      if (reason !== undefined) {
        this.fault([...path, 'uriRegexRewrite', 'match'], 'MESH_REGEX_INVALID', `a regular expression of RE2, got ${JSON.stringify(uriRegexRewrite.match ?? '')}: ${reason}`, 'correct the expression');
      }
    }
  }

  private retries(retries: HttpRetry, path: Path): void {
    const { attempts = 0 } = retries;
    if (attempts < 0) this.fault([...path, 'attempts'], 'MESH_RETRIES_INVALID', `attempts is 0 or more, got ${attempts}`, 'write 0 for no retry');
    if (retries.attempts === undefined || attempts === 0) {
      for (const field of ['perTryTimeout', 'retryOn', 'retryRemoteLocalities'] as const) {
        if (retries[field] !== undefined) {
          this.fault([...path, field], 'MESH_RETRIES_INVALID', `${field} needs attempts of 1 or more, got ${retries.attempts ?? 'none'}`, `add attempts or remove ${field}`);
        }
      }
    }
    for (const condition of (retries.retryOn ?? '').split(',').filter(part => part !== '')) {
      if (!RETRY_ON.has(condition) && !/^[1-5]\d\d$/.test(condition)) {
        this.fault([...path, 'retryOn'], 'MESH_RETRY_ON_INVALID', `retryOn lists HTTP status codes and ${[...RETRY_ON].join(', ')} without blanks, got ${JSON.stringify(condition)}`, 'correct the name');
      }
    }
  }

  private l4(route: readonly L4Destination[], path: Path): void {
    if (route.length === 0) this.fault(path, 'MESH_ROUTES_MISSING', `${fieldOf(path)} has a route, got none`, 'add route: [{destination: {host: …}}]');
    this.destinations(route, [...path, 'route']);
  }

  private destinations(route: readonly L4Destination[], path: Path): void {
    route.forEach(({ destination, weight }, index) => {
      const at = [...path, index];
      if (weight !== undefined && weight < 0) this.fault([...at, 'weight'], 'MESH_WEIGHT_INVALID', `${fieldOf([...at, 'weight'])} is 0 or more, got ${weight}`, 'write the share this destination takes');
      if (destination === undefined) return; // the schema says it is missing
      const { host, subset, port } = destination;
      if (host === '*' || !(isWildcardDomain(host) || isIp(host))) {
        this.fault([...at, 'destination', 'host'], 'MESH_HOST_INVALID', `a destination is one DNS name, got ${JSON.stringify(host)}`, 'name a service, without scheme, port or path');
      }
      if (subset !== undefined && subset !== '' && !isLabel(subset)) {
        this.fault([...at, 'destination', 'subset'], 'MESH_NAME_INVALID', `a subset's name has letters, digits and -, got ${JSON.stringify(subset)}`, 'correct the name');
      }
      if (port?.number !== undefined && !isPort(port.number)) {
        this.fault([...at, 'destination', 'port', 'number'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${port.number}`, 'choose one in that range');
      }
    });
    if (route.length > 1 && route.every(({ weight = 0 }) => weight === 0)) {
      this.fault(path, 'MESH_WEIGHT_INVALID', `the weights of ${fieldOf(path)} add up to more than 0, got 0 for all ${route.length} destinations`, 'give at least one a weight');
    }
  }

  private percent(value: number | undefined, path: Path): void {
    if (value !== undefined && (value < 0 || value > 100 || (value > 0 && value < 0.0001))) {
      this.fault(path, 'MESH_PERCENT_INVALID', `${fieldOf(path)} is 0, or from 0.0001 to 100, got ${value}`, 'write a share of 100');
    }
  }

  private fault(path: Path, code: string, message: string, repair: string): void {
    this.context.report(this.resource, path, invalid(code, message, repair));
  }
}

const RETRY_ON: ReadonlySet<string> = new Set(['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'retriable-4xx', 'refused-stream',
  'retriable-status-codes', 'retriable-headers', 'envoy-ratelimited', 'http3-post-connect-failure', 'cancelled', 'deadline-exceeded', 'internal',
  'resource-exhausted', 'unavailable']);
