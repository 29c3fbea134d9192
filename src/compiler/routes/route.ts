import { create } from '@bufbuild/protobuf';
import { base64Decode } from '@bufbuild/protobuf/wire';
import { filtersPerRoute, perMillion } from './filters-per-route';
import { consistentHash, hashPolicy } from './hash-policy';
import { headerChanges } from './headers';
import { isCatchAll, routeMatch } from './match';
import { retryPolicy } from './retry';
import { noteRoute } from './written';
import { resolveGateway, resolveHost } from '../../model/names';
import { selects } from '../../model/selectors';
import type { Service } from '../../model/service';
import { duration } from '../../xds/duration';
import type { Metadata } from '../../xds/gen/envoy/config/core/v3/base_pb';
import {
  DirectResponseActionSchema, RedirectAction_RedirectResponseCode, RedirectActionSchema, RouteAction_RequestMirrorPolicySchema,
} from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { Route, RouteAction, RouteMatch, WeightedCluster_ClusterWeight } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RegexMatchAndSubstituteSchema } from '../../xds/gen/envoy/type/matcher/v3/regex_pb';
import * as literal from '../../xds/literals';
import { durationMs } from '../durations';
import type { ConsistentHash, Destination, HttpDestination, HttpMatch, HttpRetry, HttpRoute } from '../istio-api';
import { outboundCluster } from '../names';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';

/** Where routes are being made for. */
export interface RouteSite {
  readonly view: View;
  /** Port the caller dialled; default of destinations and what `match.port` is compared with. */
  readonly port: number;
  /** `mesh`, or the Gateways whose servers share the route configuration. */
  readonly gateways: ReadonlySet<string>;
  /** Port that `match.port` is compared with on gateways, where listener and server may differ. */
  readonly matchPort?: number;
  /** Callers arrive over TLS that ends here. */
  readonly tls?: boolean;
  /** What the site knows of a destination host: on sidecars, only services that have the site's port, narrowed to it. */
  readonly serviceOf: (host: string) => Service | undefined;
}

/** Routes of one VirtualService's http rules, in order, up to the first that takes everything (istio-behaviour C7). */
export function routesOf(site: RouteSite, service: VirtualService): Route[] {
  const routes: Route[] = [];
  const metadata = literal.metadata({ istio: { config: service.configPath } });
  for (const rule of service.spec.http ?? []) {
    for (const match of rule.match === undefined || rule.match.length === 0 ? [undefined] : rule.match) {
      if (match !== undefined && !appliesHere(site, match, service.namespace)) continue;
      const envoyMatch = routeMatch(match);
      routes.push(noteRoute(routeOf(site, service, rule, match, envoyMatch, metadata), rule));
      if (isCatchAll(envoyMatch)) return routes;
    }
  }
  return routes;
}

/** Conditions about the caller are decided now, for this proxy; Envoy never sees them. */
export function appliesHere(
  site: Pick<RouteSite, 'view' | 'port' | 'matchPort' | 'gateways'>, match: Pick<HttpMatch, 'port' | 'gateways' | 'sourceLabels' | 'sourceNamespace'>,
  namespace: string,
): boolean {
  const { proxy } = site.view;
  if (match.port !== undefined && match.port !== 0 && match.port !== (site.matchPort ?? site.port)) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) {
    return match.gateways.some(gateway => site.gateways.has(resolveGateway(gateway, namespace)));
  }
  return selects(match.sourceLabels ?? {}, proxy.labels)
    && (match.sourceNamespace === undefined || match.sourceNamespace === '' || match.sourceNamespace === proxy.namespace);
}

function routeOf(
  site: RouteSite, service: VirtualService, rule: HttpRoute, match: HttpMatch | undefined, envoyMatch: RouteMatch, metadata: Metadata,
): Route {
  const single = rule.redirect === undefined && rule.directResponse === undefined && rule.route?.length === 1 ? rule.route[0] : undefined;
  const { authority, fields } = headerChanges(rule.headers, single?.headers);
  const action = actionOf(site, service, rule, authority);
  return literal.route({
    name: `${rule.name ?? ''}${nonEmpty(match?.name) === undefined ? '' : `.${match?.name}`}`,
    match: envoyMatch,
    action,
    metadata,
    operation: operationOf(envoyMatch, action, service.name, site.port),
    statPrefix: match?.statPrefix,
    headers: fields,
    typedPerFilterConfig: filtersPerRoute(rule),
  });
}

function actionOf(site: RouteSite, service: VirtualService, rule: HttpRoute, authority: string | undefined): Route['action'] {
  if (rule.redirect !== undefined) return redirect(rule.redirect, site);
  if (rule.directResponse !== undefined) return directResponse(rule.directResponse);
  return { case: 'route', value: forward(site, service, rule, authority) };
}

const REDIRECTS: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
  0: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
};

function redirect(block: NonNullable<HttpRoute['redirect']>, site: RouteSite): Route['action'] {
  const responseCode = REDIRECTS[block.redirectCode ?? 0];
  // Istio leaves a route with any other code without an action.
  if (responseCode === undefined) return { case: undefined };
  const wanted = block.port ?? (block.derivePort === 'FROM_REQUEST_PORT' ? site.port : 0);
  // The port that the scheme has anyway is not written.
  const scheme = nonEmpty(block.scheme) ?? (site.tls === true ? 'https' : 'http');
  const portRedirect = wanted === (scheme === 'https' ? 443 : 80) ? 0 : wanted;
  return {
    case: 'redirect',
    value: create(RedirectActionSchema, {
      responseCode,
      hostRedirect: block.authority ?? '',
      portRedirect,
      schemeRewriteSpecifier: nonEmpty(block.scheme) === undefined ? undefined : { case: 'schemeRedirect', value: scheme },
      pathRewriteSpecifier: block.prefixRewrite !== undefined && block.prefixRewrite !== ''
        ? { case: 'prefixRewrite', value: block.prefixRewrite } : { case: 'pathRedirect', value: block.uri ?? '' },
    }),
  };
}

function directResponse({ status, body }: NonNullable<HttpRoute['directResponse']>): Route['action'] {
  return {
    case: 'directResponse',
    value: create(DirectResponseActionSchema, {
      status,
      body: body?.string !== undefined ? { specifier: { case: 'inlineString', value: body.string } }
        : body?.bytes !== undefined ? { specifier: { case: 'inlineBytes', value: base64Decode(body.bytes) } } : undefined,
    }),
  };
}

function forward(site: RouteSite, service: VirtualService, rule: HttpRoute, fromHeaders: string | undefined): RouteAction {
  const destinations = rule.route ?? [];
  const targets = destinations.map((each): Target => ({ ...each, host: hostOf(site, service, each.destination) }));
  const hash = targets.map(target => hashOf(site, target));
  const retries = rule.retries ?? site.view.mesh.model.config.raw.defaultHttpRetryPolicy as HttpRetry | undefined;
  const timeout = duration(durationMs(rule.timeout) ?? 0);
  const authority = nonEmpty(rule.rewrite?.authority) ?? fromHeaders;
  return literal.routeAction({
    clusterSpecifier: targets.length === 1
      ? { case: 'cluster', value: clusterAt(site, targets[0].host, targets[0].destination) }
      : literal.weightedClusters(weighted(site, targets)),
    retryPolicy: retryPolicy(retries, destinations.length === 1 && hash[0] !== undefined),
    timeout,
    maxGrpcTimeout: timeout,
    requestMirrorPolicies: mirrors(site, service, rule),
    hashPolicy: hashes(destinations, hash),
    hostRewriteSpecifier: authority === undefined ? undefined : { case: 'hostRewriteLiteral', value: authority },
    ...rewrite(rule),
  });
}

/** A destination with the host that it comes to. */
interface Target extends HttpDestination {
  readonly host: string;
}

function weighted(site: RouteSite, targets: readonly Target[]): WeightedCluster_ClusterWeight[] {
  return targets.filter(({ weight }) => weight !== undefined && weight > 0).map(({ host, destination, weight, headers }) => {
    const { authority, fields } = headerChanges(headers);
    return literal.clusterWeight({
      name: clusterAt(site, host, destination),
      weight,
      headers: fields,
      hostRewriteSpecifier: authority === undefined ? undefined : { case: 'hostRewriteLiteral', value: authority },
    });
  });
}

function rewrite(rule: HttpRoute): Partial<Pick<RouteAction, 'prefixRewrite' | 'regexRewrite'>> {
  const { uri, uriRegexRewrite } = rule.rewrite ?? {};
  if (uriRegexRewrite !== undefined) {
    const { match, rewrite: substitution } = uriRegexRewrite;
    return { regexRewrite: create(RegexMatchAndSubstituteSchema, { pattern: { regex: match ?? '' }, substitution: substitution ?? '' }) };
  }
  return { prefixRewrite: uri ?? '' };
}

function mirrors(site: RouteSite, service: VirtualService, rule: HttpRoute): RouteAction['requestMirrorPolicies'] | undefined {
  if (rule.mirror === undefined && rule.mirrors === undefined) return undefined;
  const all = [...rule.mirrors ?? []];
  const { mirror, mirrorPercentage, mirrorPercent = rule.mirror_percent } = rule;
  if (mirror !== undefined) all.unshift({ destination: mirror, percentage: mirrorPercentage });
  return all.flatMap(({ destination, percentage }, index) => {
    const legacy = mirror !== undefined && index === 0 ? mirrorPercent : undefined;
    const share = percentage === undefined ? { numerator: legacy ?? 100 } : perMillion(percentage);
    // A share that is too small to be written still stands there.
    if ((percentage === undefined ? share.numerator : percentage.value ?? 0) <= 0) return [];
    return [create(RouteAction_RequestMirrorPolicySchema, {
      cluster: clusterOf(site, service, destination),
      runtimeFraction: { defaultValue: share },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    })];
  });
}

/** What requests are hashed by, of the destinations that get any. */
function hashes(destinations: readonly HttpDestination[], all: readonly (ConsistentHash | undefined)[]): RouteAction['hashPolicy'] | undefined {
  if (all.every(hash => hash === undefined)) return undefined;
  return all.filter((_, index) => destinations.length === 1 || (destinations[index].weight ?? 0) > 0)
    .map(hashPolicy).filter(policy => policy !== undefined);
}

function hashOf(site: RouteSite, { host, destination }: Target) {
  const known = site.view.scope.byHost.get(host);
  return known && consistentHash(site.view.ruleOf(known), destination.port?.number, destination.subset ?? '');
}

/** The host of a destination; for an alias, the name that it stands for. */
export function hostOf({ view: { mesh } }: Pick<RouteSite, 'view'>, service: VirtualService, destination: Destination): string {
  const host = resolveHost(destination.host, service.namespace, mesh.model.domain);
  const [known] = mesh.model.servicesByHost.get(host.toLowerCase()) ?? [];
  // Istio takes the letters as they stand: `Cart` is no service that is called `cart`.
  if (host !== known?.hostname && host !== known?.name) return host;
  return known.resolution === 'alias' ? known.externalName ?? host : known.hostname;
}

/** Cluster of a destination: its port, else the service's only port, else the port that was dialled. */
export const clusterOf = (site: Pick<RouteSite, 'view' | 'port' | 'serviceOf'>, service: VirtualService, destination: Destination): string => (
  clusterAt(site, hostOf(site, service, destination), destination));

function clusterAt(site: Pick<RouteSite, 'port' | 'serviceOf'>, host: string, destination: Destination): string {
  const ports = site.serviceOf(host)?.ports;
  const port = destination.port?.number ?? (ports?.length === 1 ? ports[0].number : site.port);
  return outboundCluster(port, destination.subset ?? '', host);
}

/** Name of the span: `HOST:PORT/path` towards one cluster, else `RULE:PORT/path`. */
function operationOf(match: RouteMatch, action: Route['action'], name: string, port: number): string {
  const path = match.pathSpecifier;
  const text = path.case === 'prefix' ? `${path.value}*` : path.case === 'path' ? path.value : path.case === 'safeRegex' ? path.value.regex : '/*';
  const specifier = action.case === 'route' ? action.value.clusterSpecifier : undefined;
  const [, dialled, , host] = specifier?.case === 'cluster' ? specifier.value.split('|') : [];
  return host === undefined ? `${name}:${port}${text}` : `${host}:${dialled}${text}`;
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
