import { prepareMetadataMatcher } from './access/metadata';
import { GRPC_ONLY, prepareHeaderMatcher, prepareQueryMatcher, type Condition } from './condition';
import type { HttpRequestFacts, Retry } from './decision';
import { milliseconds } from './duration';
import { prepareFilterSettings, type FilterSettings } from './filter-config';
import { ALWAYS, prepareRuntimeFraction, type Fraction } from './fraction';
import { prepareHash, type RequestHash } from './hash/policy';
import { prepareMutations, type HeaderLevel, type PreparedMutations } from './header-mutations';
import { pathOnly, preparePath, type PathTest } from './path';
import { prepareRedirect, type Redirect } from './redirect';
import { globalReplace } from './regex';
import { prepareRetry } from './retry';
import type {
  DirectResponseAction, RedirectAction, Route, RouteAction, RouteAction_RequestMirrorPolicy, VirtualHost,
} from '../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';

/** One route of a virtual host, prepared. */
export interface Rule {
  readonly name: string;
  /** Place in its virtual host, from 0. */
  readonly index: number;
  readonly virtualHost: string;
  /** Absent where a virtual host answers without one. */
  readonly message?: Route;
  /** Istio's `filter_metadata.istio.config`, or ''. */
  readonly source: string;
  readonly path: PathTest;
  readonly conditions: readonly Condition[];
  readonly action: Action;
  readonly filters: FilterSettings;
  /** Header changes for actions that answer; a forward has its own per target. */
  readonly responseHeaders: PreparedMutations;
}

export type Action = ForwardAction | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'direct'; readonly status: number; readonly body: string } | { readonly kind: 'requireTls' } | { readonly kind: 'none' };

export interface ForwardAction {
  readonly kind: 'forward';
  readonly targets: readonly Target[];
  readonly totalWeight: number;
  readonly rewritePath?: (path: string) => string;
  readonly timeoutMs: number;
  /** Upper bound of `grpc-timeout`, 0 for none; absent: `grpc-timeout` is not looked at. */
  readonly maxGrpcTimeoutMs?: number;
  readonly retry?: Retry;
  readonly mirrors: readonly { readonly cluster: string; readonly share: Fraction }[];
  readonly appendForwardedHost: boolean;
  readonly hash?: RequestHash;
}

/** One destination of a rule. */
export interface Target {
  /** Cluster, or '' where a request header names it. */
  readonly cluster: string;
  readonly clusterHeader: string;
  readonly weight: number;
  readonly requestHeaders: PreparedMutations;
  readonly responseHeaders: PreparedMutations;
  /** New authority for a request, or undefined where it stays. */
  readonly rewriteHost?: (request: HttpRequestFacts) => string | undefined;
  readonly filters: FilterSettings;
}

const DEFAULT_TIMEOUT_MS = 15_000;

/** A virtual host and its configuration, as the rules below it see them. */
export interface Levels {
  readonly configuration: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  /** Settings of virtual host and configuration, prepared once for all rules. */
  readonly inherited: FilterSettings;
}

export function prepareRule(route: Route, index: number, levels: Levels): Rule {
  const { match } = route;
  if (match === undefined) throw new Error(`route ${route.name} has no match`);
  // Left unsaid, a condition that is not looked at would let the wrong requests in.
  if (match.tlsContext !== undefined) throw new Error(`route ${route.name}: tls_context is not supported`);
  if (match.runtimeFraction !== undefined) throw new Error(`route ${route.name}: runtime_fraction is not supported`);
  const path = preparePath(match);
  return {
    name: route.name,
    index,
    virtualHost: levels.virtualHost.name,
    message: route,
    source: configPath(route),
    path,
    // Envoy's order: gRPC, headers, query parameters, then the path; the result is the same in any order.
    conditions: [
      ...(match.grpc === undefined ? [] : [GRPC_ONLY]),
      ...match.headers.map(prepareHeaderMatcher),
      ...match.queryParameters.map(prepareQueryMatcher),
      ...match.dynamicMetadata.map(prepareMetadataMatcher),
    ],
    action: prepareAction(route, path, levels),
    filters: { ...levels.inherited, ...prepareFilterSettings(route.typedPerFilterConfig) },
    responseHeaders: joined(levels, [responseLevel(route)], responseLevel),
  };
}

function prepareAction(route: Route, path: PathTest, levels: Levels): Action {
  const { action } = route;
  switch (action.case) {
    case 'route': return prepareForward(route, action.value, path, levels);
    case 'redirect': return { kind: 'redirect', redirect: prepareRedirect(action.value, rewriterOf(action.value, path)) };
    case 'directResponse': return { kind: 'direct', status: action.value.status, body: bodyOf(action.value) };
    default: return { kind: 'none' };
  }
}

function prepareForward(route: Route, action: RouteAction, path: PathTest, levels: Levels): ForwardAction {
  const targets = prepareTargets(route, action, levels);
  const rewritePath = action.regexRewrite !== undefined || action.prefixRewrite !== ''
    ? rewriter(action.regexRewrite, action.prefixRewrite, path) : undefined;
  const policy = action.retryPolicy ?? levels.virtualHost.retryPolicy;
  const hash = prepareHash(action.hashPolicy);
  const mirrors = [action.requestMirrorPolicies, levels.virtualHost.requestMirrorPolicies, levels.configuration.requestMirrorPolicies];
  return {
    kind: 'forward',
    targets,
    totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0),
    timeoutMs: action.timeout === undefined ? DEFAULT_TIMEOUT_MS : milliseconds(action.timeout),
    mirrors: (mirrors.find(level => level.length > 0) ?? []).map(prepareMirror),
    appendForwardedHost: action.appendXForwardedHost,
    ...(hash && { hash }),
    ...(rewritePath && { rewritePath }),
    ...(action.maxGrpcTimeout && { maxGrpcTimeoutMs: milliseconds(action.maxGrpcTimeout) }),
    ...(policy && policy.retryOn !== '' && { retry: prepareRetry(policy) }),
  };
}

function prepareTargets(route: Route, action: RouteAction, levels: Levels): Target[] {
  const { clusterSpecifier: specifier, hostRewriteSpecifier: rewrite } = action;
  if (rewrite.case === 'autoHostRewrite' && rewrite.value.value) throw new Error(`route ${route.name}: auto_host_rewrite is not supported`);
  const rewriteHost = hostRewriter(action);
  const mutations = (own: readonly HeaderSource[]): Pick<Target, 'requestHeaders' | 'responseHeaders'> => ({
    requestHeaders: joined(levels, [...own, route].map(requestLevel), requestLevel),
    responseHeaders: joined(levels, [...own, route].map(responseLevel), responseLevel),
  });
  switch (specifier.case) {
    case 'cluster': case 'clusterHeader': {
      const named = specifier.case === 'cluster';
      const cluster = named ? specifier.value : '';
      return [{ cluster, clusterHeader: named ? '' : specifier.value.toLowerCase(), weight: 1, filters: {}, ...mutations([]), ...(rewriteHost && { rewriteHost }) }];
    }
    case 'weightedClusters': return specifier.value.clusters.map(entry => {
      const { hostRewriteSpecifier: specified } = entry;
      const own = specified.case === 'hostRewriteLiteral' ? specified.value : undefined;
      // The route rewrites after the weighted cluster, so it wins.
      const chosen = own === undefined ? rewriteHost : (request: HttpRequestFacts) => rewriteHost?.(request) ?? own;
      return {
        cluster: entry.name,
        clusterHeader: entry.clusterHeader.toLowerCase(),
        weight: entry.weight ?? 0,
        filters: prepareFilterSettings(entry.typedPerFilterConfig),
        ...mutations([entry]),
        ...(chosen && { rewriteHost: chosen }),
      };
    });
    default: throw new Error(`route ${route.name}: cluster specifier ${specifier.case ?? '(none)'} is not supported`);
  }
}

function hostRewriter({ hostRewriteSpecifier: rewrite }: RouteAction): Target['rewriteHost'] {
  switch (rewrite.case) {
    case 'hostRewriteLiteral': return () => rewrite.value;
    case 'hostRewriteHeader': {
      const name = rewrite.value.toLowerCase();
      return request => request.headers.get(name) || undefined;
    }
    case 'hostRewritePathRegex': {
      const replace = globalReplace(rewrite.value.pattern?.regex ?? '', rewrite.value.substitution);
      return request => replace(pathOnly(request.path));
    }
    default: return undefined;
  }
}

type HeaderSource = Pick<Route, 'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'>;

const requestLevel = (source: HeaderSource): HeaderLevel => ({ toAdd: source.requestHeadersToAdd, toRemove: source.requestHeadersToRemove });
const responseLevel = (source: HeaderSource): HeaderLevel => ({ toAdd: source.responseHeadersToAdd, toRemove: source.responseHeadersToRemove });

/** The most specific level is applied first, so the least specific wins, unless the configuration turns that round. */
function joined(levels: Levels, own: readonly HeaderLevel[], level: (source: HeaderSource) => HeaderLevel): PreparedMutations {
  const all = [...own, level(levels.virtualHost), level(levels.configuration)];
  return prepareMutations(levels.configuration.mostSpecificHeaderMutationsWins ? all.reverse() : all);
}

function prepareMirror(policy: RouteAction_RequestMirrorPolicy): ForwardAction['mirrors'][number] {
  return { cluster: policy.cluster, share: prepareRuntimeFraction(policy.runtimeFraction, ALWAYS) };
}

function rewriterOf(action: RedirectAction, path: PathTest): ((path: string) => string) | undefined {
  const { pathRewriteSpecifier: specifier } = action;
  if (specifier.case === 'prefixRewrite' && specifier.value !== '') return rewriter(undefined, specifier.value, path);
  return specifier.case === 'regexRewrite' ? rewriter(specifier.value, '', path) : undefined;
}

/** Rewrites the matched part of a path (prefix) or all of it (exact, regex), keeping the query. */
function rewriter(regex: RouteAction['regexRewrite'], prefix: string, { rewritten }: PathTest): (path: string) => string {
  if (regex !== undefined) {
    const replace = globalReplace(regex.pattern?.regex ?? '', regex.substitution);
    return path => {
      const only = pathOnly(path);
      return replace(only) + path.slice(only.length);
    };
  }
  return path => prefix + path.slice(rewritten < 0 ? pathOnly(path).length : rewritten);
}

function bodyOf({ body }: DirectResponseAction): string {
  const specifier = body?.specifier;
  if (specifier?.case === 'inlineString') return specifier.value;
  if (specifier?.case === 'inlineBytes') return new TextDecoder().decode(specifier.value);
  return '';
}

function configPath(route: Route): string {
  const config = route.metadata?.filterMetadata.istio?.config;
  return typeof config === 'string' ? config : '';
}
