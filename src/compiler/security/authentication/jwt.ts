import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { jwksOf } from './jwks';
import { compare } from '../../../model/resource';
import { pack } from '../../../xds/any';
import { duration } from '../../../xds/duration';
import { JwtAuthenticationSchema } from '../../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import type { JwtProviderSchema, JwtRequirementSchema } from '../../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import { durationMs } from '../../durations';
import type { JwtRule, RequestAuthenticationSpec } from '../../istio-security-api';
import { attached } from '../../scope/attachment';
import type { View } from '../../view';
import { JWT_PAYLOAD } from '../authorization/matchers';

type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

/** Claims that hold a list as one text. */
const SPACE_DELIMITED = ['permission', 'scope'];

/**
 * `jwt_authn` of all RequestAuthentication about a workload (istio-behaviour G2): a request without a token passes,
 * one with a token that no rule accepts does not.
 * @param reroute - the token may change the route, so the route is chosen again after it was looked at
 */
export function jwtAuthn(view: View, reroute: boolean): Any | undefined {
  return view.mesh.memo.get('jwtAuthn', [view.facetKey, reroute], () => {
    const policies = attached<RequestAuthenticationSpec>(view.mesh.model, 'RequestAuthentication', view.proxy);
    const isOwn = ({ metadata }: typeof policies[number]): boolean => metadata.namespace === view.proxy.namespace;
    // Of one issuer, what the workload's own namespace says comes first.
    const rules = [...policies.filter(isOwn), ...policies.filter(policy => !isOwn(policy))]
      .flatMap(({ spec }) => spec.jwtRules ?? [])
      .sort((a, b) => compare(a.issuer ?? '', b.issuer ?? ''));
    if (rules.length === 0) return undefined;
    const names = rules.map((_, index) => `origins-${index}`);
    return pack(JwtAuthenticationSchema, {
      providers: Object.fromEntries(rules.map((rule, index) => [names[index], providerOf(view, rule, reroute)])),
      rules: [{
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        requirementType: { case: 'requires', value: requirement(names) },
      }],
      bypassCorsPreflight: true,
    });
  });
}

function requirement(names: readonly string[]): Requirement {
  const valid = (value: string): Requirement => ({ requiresType: { case: 'providerName', value } });
  const any = (requirements: Requirement[]): Requirement => ({ requiresType: { case: 'requiresAny', value: { requirements } } });
  const validOrMissing = (name: string): Requirement => any([valid(name), { requiresType: { case: 'allowMissing', value: {} } }]);
  if (names.length === 1) return validOrMissing(names[0]);
  // The last alternative holds where no rule found a token: an invalid one fails its own rule.
  return any([...names.map(valid), { requiresType: { case: 'requiresAll', value: { requirements: names.map(validOrMissing) } } }]);
}

function providerOf(view: View, rule: JwtRule, clearRouteCache: boolean): MessageInitShape<typeof JwtProviderSchema> {
  return {
    issuer: rule.issuer ?? '',
    audiences: [...rule.audiences ?? []],
    jwksSourceSpecifier: keysOf(view, rule),
    forward: rule.forwardOriginalToken ?? false,
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix }) => ({ name: name ?? '', valuePrefix: prefix ?? '' })),
    fromParams: [...rule.fromParams ?? []],
    fromCookies: [...rule.fromCookies ?? []],
    forwardPayloadHeader: rule.outputPayloadToHeader ?? '',
    claimToHeaders: (rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({ headerName: header ?? '', claimName: claim ?? '' })),
    payloadInMetadata: JWT_PAYLOAD,
    normalizePayloadInMetadata: { spaceDelimitedClaims: [...new Set([...SPACE_DELIMITED, ...rule.spaceDelimitedClaims ?? []])].sort(compare) },
    clearRouteCache,
  };
}

function keysOf(view: View, rule: JwtRule): MessageInitShape<typeof JwtProviderSchema>['jwksSourceSpecifier'] {
  const found = jwksOf(view.mesh, rule);
  if (found.inline !== undefined) return { case: 'localJwks', value: { specifier: { case: 'inlineString', value: found.inline } } };
  return {
    case: 'remoteJwks',
    value: {
      httpUri: {
        uri: found.uri,
        httpUpstreamType: { case: 'cluster', value: found.cluster },
        timeout: duration(durationMs(rule.timeout) ?? 5000),
      },
      cacheDuration: duration(300_000),
    },
  };
}
