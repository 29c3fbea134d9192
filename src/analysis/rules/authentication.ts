import type { PeerAuthenticationSpec } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { policyTargetRules, quote, selectorRules } from './common';
import type { TargetRef } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isHttpUrl, isPort, jwksOf } from './predicates';

interface JwtRule {
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  readonly jwksUri?: string;
  readonly jwks_uri?: string;
  readonly jwks?: string;
  readonly fromHeaders?: readonly { readonly name?: string }[];
  readonly fromParams?: readonly string[];
  readonly fromCookies?: readonly string[];
  readonly outputClaimToHeaders?: readonly { readonly header?: string; readonly claim?: string }[];
}

/** A RequestAuthentication as far as rules read it. */
export interface RequestAuthenticationSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
  readonly jwtRules?: readonly JwtRule[];
}

/** istio-validation §1.9. */
export function authenticationRules(context: Context): void {
  for (const resource of context.sound<RequestAuthenticationSpec>('RequestAuthentication')) {
    const at = reporter(context, resource);
    policyTargetRules(at, resource.spec ?? {});
    resource.spec?.jwtRules?.forEach((rule, index) => jwtRule(at, rule, ['spec', 'jwtRules', index]));
  }
  for (const resource of context.sound<PeerAuthenticationSpec>('PeerAuthentication')) peerRules(reporter(context, resource), resource.spec ?? {});
}

function jwtRule(at: Reporter, rule: JwtRule, path: Path): void {
  const fault = (field: Path, message: string, repair: string) => at.invalid([...path, ...field], 'MESH_JWT_INVALID', message, repair);
  const uri = rule.jwksUri ?? rule.jwks_uri ?? '';
  if ((rule.issuer ?? '') === '' && uri === '') fault([], `${fieldOf(path)} has an issuer or a jwksUri, got neither`, 'add issuer');
  if (uri !== '' && !isHttpUrl(uri)) at.invalid([...path, 'jwksUri'], 'MESH_URL_INVALID', `jwksUri is an http or https URL, got ${quote(uri)}`, 'correct it');
  for (const field of ['audiences', 'fromParams', 'fromCookies'] as const) {
    rule[field]?.forEach((value, index) => {
      if (value === '') fault([field, index], `${field} has texts that are not empty, got ""`, 'remove it');
    });
  }
  rule.fromHeaders?.forEach(({ name }, index) => {
    if ((name ?? '') === '') fault(['fromHeaders', index], 'a header that carries a token has a name, got ""', 'name it');
  });
  rule.outputClaimToHeaders?.forEach(({ header = '', claim = '' }, index) => {
    if (claim === '') fault(['outputClaimToHeaders', index], 'a claim that becomes a header has a name, got ""', 'name the claim');
    if (!/^[A-Za-z0-9_-]+$/.test(header)) {
      at.invalid([...path, 'outputClaimToHeaders', index, 'header'], 'MESH_HEADER_INVALID', `the header of a claim has letters, digits, - and _, got ${quote(header)}`, 'correct the name');
    }
  });
  if ((rule.jwks ?? '') === '') return;
  const keys = jwksOf(rule.jwks!);
  if (keys === undefined) {
    fault(['jwks'], 'jwks is a JSON Web Key Set {"keys": […]}, got other text', 'write the set as JSON');
  } else if (keys.length === 0) {
    fault(['jwks'], 'jwks has at least one key, got none; Envoy refuses the whole listener', 'add the public key of the issuer');
  } else if (keys.some(key => key.kty === 'oct' || key.d !== undefined)) {
    at.doubtful([...path, 'jwks'], 'MESH_JWT_SECRET', 'jwks has public keys only, got a private or symmetric one, which every proxy can read', 'keep the public part only');
  }
}

function peerRules(at: Reporter, spec: PeerAuthenticationSpec): void {
  if (spec.selector !== undefined) selectorRules(at, spec.selector.matchLabels, ['spec', 'selector']);
  const ports = spec.portLevelMtls;
  if (ports === undefined) return;
  const path = ['spec', 'portLevelMtls'];
  if (Object.keys(spec.selector?.matchLabels ?? {}).length === 0) {
    at.invalid(path, 'MESH_FIELD_REQUIRED', 'portLevelMtls needs a selector with labels, got none', 'add selector, or set mtls for the namespace');
  }
  if (Object.keys(ports).length === 0) at.invalid(path, 'MESH_POLICY_EMPTY', 'portLevelMtls names at least one port, got {}', 'remove it');
  for (const port of Object.keys(ports)) {
    if (!/^\d+$/.test(port) || !isPort(Number(port))) at.invalid([...path, port], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${quote(port)}`, 'choose one in that range');
  }
}
