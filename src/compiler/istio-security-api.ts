import type { Duration } from './istio-api';
import type { Attachment } from './scope/attachment';

/** The fields of AuthorizationPolicy, RequestAuthentication and their providers that the compiler reads, as they stand in YAML. */

export interface AuthorizationPolicySpec extends Attachment {
  readonly action?: string;
  readonly provider?: { readonly name?: string };
  readonly rules?: readonly (AuthorizationRule | null)[];
}

export interface AuthorizationRule {
  readonly from?: readonly { readonly source?: Source }[];
  readonly to?: readonly { readonly operation?: Operation }[];
  readonly when?: readonly Condition[];
}

type Values = readonly string[];

export interface Source {
  readonly principals?: Values;
  readonly notPrincipals?: Values;
  readonly requestPrincipals?: Values;
  readonly notRequestPrincipals?: Values;
  readonly namespaces?: Values;
  readonly notNamespaces?: Values;
  readonly serviceAccounts?: Values;
  readonly notServiceAccounts?: Values;
  readonly trustDomains?: Values;
  readonly notTrustDomains?: Values;
  readonly ipBlocks?: Values;
  readonly notIpBlocks?: Values;
  readonly remoteIpBlocks?: Values;
  readonly notRemoteIpBlocks?: Values;
}

export interface Operation {
  readonly hosts?: Values;
  readonly notHosts?: Values;
  readonly ports?: Values;
  readonly notPorts?: Values;
  readonly methods?: Values;
  readonly notMethods?: Values;
  readonly paths?: Values;
  readonly notPaths?: Values;
}

export interface Condition { readonly key?: string; readonly values?: Values; readonly notValues?: Values }

export interface RequestAuthenticationSpec extends Attachment {
  readonly jwtRules?: readonly JwtRule[];
}

export interface JwtRule {
  readonly issuer?: string;
  readonly audiences?: Values;
  readonly jwksUri?: string;
  readonly jwks_uri?: string;
  readonly jwks?: string;
  readonly fromHeaders?: readonly { readonly name?: string; readonly prefix?: string }[];
  readonly fromParams?: Values;
  readonly fromCookies?: Values;
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders?: readonly { readonly header?: string; readonly claim?: string }[];
  readonly forwardOriginalToken?: boolean;
  readonly timeout?: Duration;
  readonly spaceDelimitedClaims?: Values;
}

interface RequestBody { readonly maxRequestBytes?: number; readonly allowPartialMessage?: boolean; readonly packAsBytes?: boolean }

/** What both kinds of external authoriser have. */
export interface ExtAuthz {
  readonly service?: string;
  readonly port?: number;
  readonly timeout?: Duration;
  readonly failOpen?: boolean;
  readonly clearRouteCache?: boolean;
  readonly statusOnError?: string | number;
  readonly includeRequestBodyInCheck?: RequestBody;
}

export interface ExtAuthzHttp extends ExtAuthz {
  readonly pathPrefix?: string;
  readonly includeHeadersInCheck?: Values;
  readonly includeRequestHeadersInCheck?: Values;
  readonly includeAdditionalHeadersInCheck?: Readonly<Record<string, string>>;
  readonly headersToUpstreamOnAllow?: Values;
  readonly headersToDownstreamOnAllow?: Values;
  readonly headersToDownstreamOnDeny?: Values;
}
