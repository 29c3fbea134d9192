import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import { askAuthorizer, prepareAuthorizer, type AuthorizerCheck } from './authorizer';
import { checkTokens, prepareTokenCheck, type TokenCheck } from './jwt';
import { Passage, type AccessContext } from './passage';
import { judge, prepareAccessRules, type AccessRules } from './rbac';
import type { RouteMatch } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { ExtAuthzSchema } from '../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import { JwtAuthenticationSchema } from '../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import { RBACSchema, type RBAC } from '../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import type { HttpConnectionManager } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { prepareHeaderMatcher, prepareQueryMatcher } from '../condition';
import type { Answer, HeaderMutations, HttpRequestFacts } from '../decision';
import { localReply } from '../local-reply';
import { pathOnly, preparePath } from '../path';
import type { TraceSink } from '../trace';

/** A filter of a connection manager that may refuse a request. */
export type AccessFilter = TokenCheck | PolicyCheck | AuthorizerCheck | Unknown;

interface PolicyCheck {
  readonly kind: 'rbac';
  readonly name: string;
  readonly rules?: AccessRules;
  readonly shadow?: AccessRules;
  readonly shadowPrefix: string;
}

/** A filter whose program decides: nobody can tell without running it. */
interface Unknown {
  readonly kind: 'unknown';
  readonly name: string;
  readonly type: string;
}

/** The request may go on. */
export interface Admitted {
  readonly kind: 'admitted';
  /** As the router and the upstream see it. */
  readonly request: HttpRequestFacts;
  /** As the route is chosen by: before the filters, unless one had the route chosen again. */
  readonly routed: HttpRequestFacts;
  readonly changes: HeaderMutations;
}

const RBAC_METADATA = 'envoy.filters.http.rbac';

/** Filters of other kinds that do not decide about a request, or that `decide` stands for. */
const NEUTRAL = /\.(router|fault|cors|grpc_stats|grpc_web|metadata_exchange|peer_metadata|stats|alpn|buffer|health_check|compressor)\b|istio\.(stats|alpn|metadata_exchange)/;

/** The filters that decide who may pass, in their order. Throws on a filter of a known kind that asks for more than is known here. */
export function prepareAccess({ httpFilters }: Pick<HttpConnectionManager, 'httpFilters'>): AccessFilter[] {
  return httpFilters.flatMap(({ name, configType, disabled }) => (configType.case === 'typedConfig' && !disabled ? prepareFilter(name, configType.value) : []));
}

function prepareFilter(name: string, any: Any): AccessFilter[] {
  const rbac = anyUnpack(any, RBACSchema);
  if (rbac !== undefined) return [preparePolicies(name, rbac)];
  const jwt = anyUnpack(any, JwtAuthenticationSchema);
  if (jwt !== undefined) return [prepareTokenCheck(name, jwt, prepareMatch)];
  const authorizer = anyUnpack(any, ExtAuthzSchema);
  if (authorizer !== undefined) return [prepareAuthorizer(name, authorizer)];
  const type = any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1);
  return NEUTRAL.test(name) || NEUTRAL.test(type.toLowerCase()) ? [] : [{ kind: 'unknown', name, type }];
}

function preparePolicies(name: string, { rules, shadowRules, matcher, shadowMatcher, shadowRulesStatPrefix }: RBAC): PolicyCheck {
  if (matcher !== undefined || shadowMatcher !== undefined) throw new Error(`HTTP filter ${name}: matcher is not supported`);
  return {
    kind: 'rbac',
    name,
    shadowPrefix: shadowRulesStatPrefix,
    ...(rules && { rules: prepareAccessRules(rules) }),
    ...(shadowRules && { shadow: prepareAccessRules(shadowRules) }),
  };
}

function prepareMatch(match: RouteMatch): (request: HttpRequestFacts) => boolean {
  const path = preparePath(match);
  const conditions = [...match.headers.map(prepareHeaderMatcher), ...match.queryParameters.map(prepareQueryMatcher)];
  return request => path.test(pathOnly(request.path)) && conditions.every(({ test }) => test(request));
}

/** Whether the filters let a request pass, with what they change and leave about it. Ask only where there are any. */
export function admit(filters: readonly AccessFilter[], request: HttpRequestFacts, context: AccessContext, trace?: TraceSink): Admitted | Answer {
  const passage = new Passage(request, context);
  for (const filter of filters) {
    const answer = ask(filter, passage, trace);
    if (answer !== undefined) return answer;
  }
  const { metadata, changes } = passage;
  const after = { ...passage.request, metadata };
  return { kind: 'admitted', request: after, routed: passage.reroutes ? after : request, changes };
}

function ask(filter: AccessFilter, passage: Passage, trace: TraceSink | undefined): Answer | undefined {
  switch (filter.kind) {
    case 'jwt': return checkTokens(filter, passage, trace);
    case 'rbac': return checkPolicies(filter, passage, trace);
    case 'authorizer': return askAuthorizer(filter, passage, trace);
    case 'unknown': {
      trace?.({ step: 'policy', name: filter.name, outcome: 'skipped', because: `cannot tell what a filter of type ${filter.type} does; taken as letting the request pass` });
      return undefined;
    }
  }
}

function checkPolicies({ rules, shadow, shadowPrefix }: PolicyCheck, passage: Passage, trace: TraceSink | undefined): Answer | undefined {
  const tried = shadow && judge(shadow, passage, trace, 'dry run');
  const verdict = rules && judge(rules, passage, trace);
  // Later filters see what the dry run says, the rules of the same filter do not.
  if (tried !== undefined) {
    passage.setMetadata(RBAC_METADATA, {
      ...(tried.policy !== '' && { [`${shadowPrefix}shadow_effective_policy_id`]: tried.policy }),
      [`${shadowPrefix}shadow_engine_result`]: tried.allowed ? 'allowed' : 'denied',
    });
  }
  if (verdict === undefined || verdict.allowed) return undefined;
  const named = verdict.policy === '' ? 'none' : verdict.policy.replace(/\s/g, '_');
  return localReply(passage.request, { status: 403, body: 'RBAC: access denied', details: `rbac_access_denied_matched_policy[${named}]` });
}

/** Whether an answer says that the caller may not do this. */
export function isDenial({ details }: Pick<Answer, 'details'>): boolean {
  return /^(rbac_access_denied|jwt_authn_access_denied|ext_authz_denied|ext_authz_error)/.test(details);
}
