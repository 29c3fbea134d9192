import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { security } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { httpPortsAmong, policySubject } from './private/policy';

/** Where a token is looked for. */
export class JwtLocation {
  /** In a header, after a prefix: `JwtLocation.header('x-token', { prefix: 'Bearer ' })`. Renders `fromHeaders[]`. Throws MESH_HEADER_INVALID. */
  public static header(name: string, options: JwtHeaderOptions = {}): JwtLocation {
    if (!TOKEN.test(name)) throw meshError(undefined, 'MESH_HEADER_INVALID', `JwtLocation.header() takes the name of a header, got "${name}"; write it without spaces and separators`);
    return new JwtLocation({ fromHeaders: [{ name, prefix: options.prefix }] });
  }
  /** In a query parameter. Renders `fromParams[]`. */
  public static queryParameter(name: string): JwtLocation { return new JwtLocation({ fromParams: [requireName('queryParameter', name)] }); }
  /** In a cookie. Renders `fromCookies[]`. */
  public static cookie(name: string): JwtLocation { return new JwtLocation({ fromCookies: [requireName('cookie', name)] }); }

  private constructor(private readonly rule: Pick<security.RequestAuthenticationSpecJwtRules, 'fromHeaders' | 'fromParams' | 'fromCookies'>) {}

  /** @internal */
  public _toKube() { return this.rule; }
}

guarded('JwtLocation', JwtLocation);

/** Options of `JwtLocation.header()`. */
export interface JwtHeaderOptions {
  /**
   * Text before the token, which is cut off.
   * @default - none
   */
  readonly prefix?: string;
}

/** Properties for `JwtAuthentication`. */
export interface JwtAuthenticationProps {
  /** Who issues the tokens: their claim `iss`. Renders `issuer`. */
  readonly issuer: string;
  /**
   * Where the issuer publishes its keys. Renders `jwksUri`.
   * @default - `jwks`, or else what the issuer's OpenID configuration says
   */
  readonly jwksUri?: string;
  /**
   * The keys themselves: the text of a JSON Web Key Set. Renders `jwks`.
   * @default - `jwksUri`
   */
  readonly jwks?: string;
  /**
   * Whose requests must carry a token.
   * @default - those to all workloads of the namespace
   */
  readonly service?: IPolicyTarget;
  /**
   * Whether a request without a token is refused (403). A bad token is refused (401) in any case; Istio by itself lets those without one pass.
   * Renders an AuthorizationPolicy beside the RequestAuthentication.
   * @default true
   */
  readonly required?: boolean;
  /**
   * Values of the claim `aud`, one of which a token must have. Renders `audiences`.
   * @default - any
   */
  readonly audiences?: string[];
  /**
   * Where the token is.
   * @default - `authorization: Bearer …`, or the query parameter `access_token`
   */
  readonly locations?: JwtLocation[];
  /**
   * Whether the application gets the token too. Renders `forwardOriginalToken`.
   * @default false
   */
  readonly forwardOriginalToken?: boolean;
  /**
   * Headers that tell the application what claims say, by header. Renders `outputClaimToHeaders`.
   * @default - none
   */
  readonly claimHeaders?: { [header: string]: string };
  /**
   * Header that gives the application the verified claims, as base64url of JSON. Renders `outputPayloadToHeader`.
   * @default - none
   */
  readonly payloadHeader?: string;
  /**
   * How long fetching the keys may take. Renders `timeout`.
   * @default - Istio's: 5 seconds
   */
  readonly timeout?: Duration;
  /**
   * Name of what is rendered.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of what is rendered.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * JSON Web Tokens that requests carry. Renders a RequestAuthentication, and an AuthorizationPolicy that refuses requests without a token, on the
 * service's ports of HTTP.
 * @example
 * new JwtAuthentication(this, 'jwt', { service: reviews, issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/jwks.json' });
 */
export class JwtAuthentication extends Construct {
  /** Name of the RequestAuthentication. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_JWT_INVALID, MESH_HEADER_INVALID. */
  public constructor(scope: Construct, id: string, props: JwtAuthenticationProps) {
    super(scope, id);
    requireProps(this, 'JwtAuthenticationProps', props);
    this.name = requireLabel(this, 'the name of a RequestAuthentication', props.name ?? id, 'choose another construct id or set name');
    const { namespace, selector } = policySubject(this, props.service, props.namespace);
    const metadata = ownedMetadata(this, this.name, namespace);
    this.node.defaultChild = new security.RequestAuthentication(this, 'RequestAuthentication', { metadata, spec: { selector, jwtRules: [this.rule(props)] } });
    if (props.required === false) return;
    const ports = httpPortsAmong(props.service);
    new security.AuthorizationPolicy(this, 'AuthorizationPolicy', {
      metadata,
      spec: { selector, action: security.AuthorizationPolicySpecAction.DENY, rules: [{ from: [{ source: { notRequestPrincipals: ['*'] } }], to: ports && [{ operation: { ports } }] }] },
    });
  }

  private rule(props: JwtAuthenticationProps): security.RequestAuthenticationSpecJwtRules {
    const { issuer, jwks, jwksUri, audiences, locations = [] } = props;
    if (issuer === '') throw this.error('issuer must be the tokens\' claim iss, got ""; write it as tokens have it');
    if (jwks !== undefined && jwksUri !== undefined) throw this.error('one of jwks and jwksUri must be set, got both; leave one of them away');
    if (jwks !== undefined && !isKeySet(jwks)) throw this.error(`jwks must be the JSON text of a key set with a key, {"keys": [...]}, got "${jwks.slice(0, 40)}"; copy what the issuer publishes`);
    if (jwksUri !== undefined && !/^https?:\/\/[^/]+/.test(jwksUri)) throw this.error(`jwksUri must begin with http:// or https://, got "${jwksUri}"; write the whole URL`);
    if (audiences?.includes('') === true) throw this.error('audiences must be texts that are not empty, got ""; leave it away');
    if (audiences?.length === 0) throw this.error('audiences must name at least one, got []; leave it away for any');
    const parts = locations.map((location) => location._toKube());
    const all = <K extends 'fromHeaders' | 'fromParams' | 'fromCookies'>(key: K) => {
      const found = parts.flatMap((part) => (part[key] ?? []) as unknown[]);
      return found.length === 0 ? undefined : found as security.RequestAuthenticationSpecJwtRules[K];
    };
    return {
      issuer,
      jwks,
      jwksUri,
      audiences: audiences && [...audiences],
      fromHeaders: all('fromHeaders'),
      fromParams: all('fromParams'),
      fromCookies: all('fromCookies'),
      forwardOriginalToken: props.forwardOriginalToken,
      outputClaimToHeaders: this.claimHeaders(props.claimHeaders),
      outputPayloadToHeader: props.payloadHeader === undefined ? undefined : this.header(props.payloadHeader),
      timeout: props.timeout && durationText(this, 'timeout', props.timeout),
    };
  }

  private claimHeaders(headers: { [header: string]: string } | undefined) {
    const entries = Object.entries(headers ?? {});
    return entries.length === 0 ? undefined : entries.map(([header, claim]) => ({ header: this.header(header), claim }));
  }

  private header(name: string): string {
    if (!TOKEN.test(name)) throw meshError(this, 'MESH_HEADER_INVALID', `the name of a header must be letters, digits and !#$%&'*+-.^_\`|~, got "${name}"; write it without spaces and separators`);
    return name;
  }

  private error(rule: string): Error { return meshError(this, 'MESH_JWT_INVALID', rule); }
}

guarded('JwtAuthentication', JwtAuthentication);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function requireName(factory: string, name: string): string {
  if (name === '') throw meshError(undefined, 'MESH_JWT_INVALID', `JwtLocation.${factory}() takes a name, got ""; give that of the parameter or cookie`);
  return name;
}

/** Without a key in it Envoy refuses the listener. */
function isKeySet(text: string): boolean {
  try {
    const keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}
