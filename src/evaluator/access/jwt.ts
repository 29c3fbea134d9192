import type { Passage } from './passage';
import { checkSignature, parseKeys, type Key } from './signature';
import { parseToken, DECLARED, type Token } from './token';
import { findTokens, prepareLocations, withoutParameter, type FoundToken, type Locations } from './token-locations';
import type { RouteMatch } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { JwtAuthentication, JwtProvider, JwtRequirement } from '../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import { isPreflight } from '../cors';
import type { HttpRequestFacts, MetadataValue, Answer } from '../decision';
import { milliseconds } from '../duration';
import { localReply } from '../local-reply';
import { prepareStringMatcher, type StringTest } from '../string-matcher';
import type { TraceSink } from '../trace';

/** A filter that checks tokens, prepared. */
export interface TokenCheck {
  readonly kind: 'jwt';
  readonly name: string;
  readonly rules: readonly TokenRule[];
  readonly bypassPreflight: boolean;
  readonly stripAnswer: boolean;
}

interface TokenRule {
  readonly matches: (request: HttpRequestFacts) => boolean;
  /** Absent where nothing is required. */
  readonly verify?: Verify;
}

/** Prepares the match of a rule; a path and headers, as routes have them. */
export type PrepareMatch = (match: RouteMatch) => (request: HttpRequestFacts) => boolean;

const OK = '';
const MISSING = 'Jwt is missing';
const UNKNOWN_ISSUER = 'Jwt issuer is not configured';
const FAILED = 'Jwt verification fails';
const WRONG_AUDIENCE = 'Audiences in Jwt are not allowed';
export const JWT_METADATA = 'envoy.filters.http.jwt_authn';
const DEFAULT_CLOCK_SKEW_SECONDS = 60;

/** One request while its tokens are checked. Claims count only where the whole requirement is met. */
interface Check {
  readonly passage: Passage;
  readonly claims: { [key: string]: MetadataValue };
  readonly trace: TraceSink | undefined;
}

/** `''` where the requirement is met, else why not, in Envoy's words. */
type Verify = (check: Check) => string;

export function prepareTokenCheck(name: string, config: JwtAuthentication, prepareMatch: PrepareMatch): TokenCheck {
  const providers = new Map(Object.entries(config.providers).map(([id, provider]) => [id, prepareProvider(id, provider)]));
  if (config.filterStateRules !== undefined) throw new Error(`HTTP filter ${name}: filter_state_rules is not supported`);
  return {
    kind: 'jwt',
    name,
    rules: config.rules.map(({ match, requirementType: requirement }) => {
      const required = requirement.case === 'requirementName' ? config.requirementMap[requirement.value] : requirement.value;
      const matches = match === undefined ? () => true : prepareMatch(match);
      return { matches, ...(required && { verify: prepareRequirement(required, providers) }) };
    }),
    bypassPreflight: config.bypassCorsPreflight,
    stripAnswer: config.stripFailureResponse,
  };
}

/** Checks the tokens of a request: its claims become metadata and headers, or it is answered with 401 or 403. */
export function checkTokens({ name, rules, bypassPreflight, stripAnswer }: TokenCheck, passage: Passage, trace?: TraceSink): Answer | undefined {
  const { request } = passage;
  if (bypassPreflight && isPreflight(request) && (request.headers.get('origin') ?? '') !== '') {
    trace?.({ step: 'policy', name, outcome: 'skipped', because: 'a CORS preflight request carries no token' });
    return undefined;
  }
  const verify = rules.find(({ matches }) => matches(request))?.verify;
  if (verify === undefined) return undefined;
  const realm = `${request.scheme}://${request.authority}${request.path}`.slice(0, MAX_URI);
  const check: Check = { passage, claims: {}, trace };
  const status = verify(check);
  if (status === OK) {
    if (Object.keys(check.claims).length > 0) passage.setMetadata(JWT_METADATA, check.claims);
    trace?.({ step: 'policy', name, outcome: 'chosen', because: 'the tokens meet what is required' });
    return undefined;
  }
  trace?.({ step: 'policy', name, outcome: 'failed', because: status });
  const error = status === MISSING ? '' : ', error="invalid_token"';
  const details = `jwt_authn_access_denied{${status.replace(/\s/g, '_')}}`;
  const common = { status: status === WRONG_AUDIENCE ? 403 : 401, details };
  return localReply(request, stripAnswer ? common : { ...common, body: status, headers: [['www-authenticate', `Bearer realm="${realm}"${error}`]] });
}

const MAX_URI = 256;

interface Provider {
  readonly id: string;
  readonly message: JwtProvider;
  readonly locations: Locations;
  readonly subject?: StringTest;
  /** Absent where the keys have to be fetched, which nobody here does. */
  readonly keys?: readonly Key[];
}

function prepareProvider(id: string, message: JwtProvider): Provider {
  const { jwksSourceSpecifier: source } = message;
  const inline = source.case === 'localJwks' ? source.value.specifier : undefined;
  const text = inline?.case === 'inlineString' ? inline.value : inline?.case === 'inlineBytes' ? new TextDecoder().decode(inline.value) : undefined;
  return {
    id,
    message,
    locations: prepareLocations([message]),
    ...(message.subjects && { subject: prepareStringMatcher(message.subjects) }),
    ...(text !== undefined && { keys: parseKeys(text) }),
  };
}

function prepareRequirement({ requiresType: requirement }: JwtRequirement, providers: ReadonlyMap<string, Provider>): Verify {
  switch (requirement.case) {
    case 'providerName': return ofProvider(named(requirement.value, providers), undefined);
    case 'providerAndAudiences': {
      const { providerName, audiences } = requirement.value;
      return ofProvider(named(providerName, providers), audiences.length === 0 ? undefined : audiences);
    }
    case 'requiresAny': return anyOf(requirement.value.requirements, providers);
    case 'requiresAll': return allOf(requirement.value.requirements.map(part => prepareRequirement(part, providers)));
    case 'allowMissing': return ofAnyProvider(providers, 'missing');
    case 'allowMissingOrFailed': return ofAnyProvider(providers, 'failed');
    case undefined: return () => OK;
  }
}

function named(name: string, providers: ReadonlyMap<string, Provider>): Provider {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`jwt_authn: provider ${name} is not configured`);
  return provider;
}

function allOf(parts: readonly Verify[]): Verify {
  return check => {
    for (const part of parts) {
      const status = part(check);
      if (status !== OK) return status;
    }
    return OK;
  };
}

/** The first that is met. Of the reasons, a token that is wrong tells more than one of another issuer, and that more than none. */
function anyOf(requirements: readonly JwtRequirement[], providers: ReadonlyMap<string, Provider>): Verify {
  const allowed = (kind: string): boolean => requirements.some(({ requiresType }) => requiresType.case === kind);
  const regular = requirements.filter(({ requiresType: { case: kind } }) => kind !== 'allowMissing' && kind !== 'allowMissingOrFailed');
  const mayFail = allowed('allowMissingOrFailed');
  const mayMiss = allowed('allowMissing');
  if (regular.length === 0) return ofAnyProvider(providers, mayFail ? 'failed' : 'missing');
  const parts = regular.map(part => prepareRequirement(part, providers));
  return check => {
    let reason = MISSING;
    for (const part of parts) {
      const status = part(check);
      if (status === OK) return OK;
      if ((status !== MISSING && status !== UNKNOWN_ISSUER) || reason === MISSING) reason = status;
    }
    return mayFail || (mayMiss && reason === MISSING) ? OK : reason;
  };
}

/** All tokens at the places of one provider must be its own. */
function ofProvider(provider: Provider, audiences: readonly string[] | undefined): Verify {
  return check => {
    const { passage, trace } = check;
    provider.locations.owned.forEach(header => passage.removeHeader(header));
    const tokens = findTokens(provider.locations, passage.request);
    const status = tokens.length === 0 ? MISSING : firstFailure(tokens.map(found => () => accept(check, found, provider, audiences)));
    tell(trace, provider, status);
    return status;
  };
}

function tell(trace: TraceSink | undefined, { id, message }: Provider, status: string): void {
  if (trace === undefined) return;
  const base = { step: 'policy' as const, name: `jwt ${id}`, detail: `a token of issuer ${message.issuer === '' ? '(any)' : message.issuer}` };
  trace(status === OK ? { ...base, outcome: 'chosen' } : { ...base, outcome: status === MISSING ? 'skipped' : 'failed', because: status });
}

/** Envoy takes the tokens from the last one on. */
function firstFailure(checks: readonly (() => string)[]): string {
  for (const check of [...checks].reverse()) {
    const status = check();
    if (status !== OK) return status;
  }
  return OK;
}

/** Tokens at the places of all providers; each may be of any of them. */
function ofAnyProvider(providers: ReadonlyMap<string, Provider>, allowed: 'missing' | 'failed'): Verify {
  // Envoy keeps providers in a hash map; which of two of one issuer it takes is not defined.
  const all = [...providers.values()];
  const locations = prepareLocations(all.map(({ message }) => message));
  return check => {
    locations.owned.forEach(header => check.passage.removeHeader(header));
    const tokens = findTokens(locations, check.passage.request);
    let status = MISSING;
    for (const found of [...tokens].reverse()) status = acceptAny(check, found, all);
    check.trace?.({ step: 'policy', name: 'jwt', outcome: status === OK ? 'chosen' : 'skipped', because: status === OK ? 'the token is good' : status, detail: `a token may be ${allowed}` });
    return allowed === 'failed' || status === MISSING ? OK : status;
  };
}

function acceptAny(check: Check, found: FoundToken, providers: readonly Provider[]): string {
  const token = parseToken(found.text, check.passage.context.declaredTokens ?? false);
  if (typeof token === 'string') return token;
  if (!found.issuers.has('') && !found.issuers.has(token.issuer)) return UNKNOWN_ISSUER;
  const provider = providers.find(({ message }) => message.issuer === token.issuer) ?? providers.find(({ message }) => message.issuer === '');
  return provider === undefined ? UNKNOWN_ISSUER : take(check, found, token, provider, undefined);
}

function accept(check: Check, found: FoundToken, provider: Provider, audiences: readonly string[] | undefined): string {
  const token = parseToken(found.text, check.passage.context.declaredTokens ?? false);
  if (typeof token === 'string') return token;
  if (!found.issuers.has('') && !found.issuers.has(token.issuer)) return UNKNOWN_ISSUER;
  return take(check, found, token, provider, audiences);
}

function take(check: Check, found: FoundToken, token: Token, provider: Provider, audiences: readonly string[] | undefined): string {
  const { message, subject } = provider;
  const timed = wrongTime(token, message, check.passage.context.now);
  if (timed !== OK) return timed;
  if (!allowsAudience(token.audiences, audiences ?? message.audiences)) return WRONG_AUDIENCE;
  if (subject !== undefined && !subject.test(token.subject)) return FAILED;
  if (lastsTooLong(token, message, check.passage.context.now)) return FAILED;
  const unsigned = token.algorithm === DECLARED ? OK : provider.keys === undefined ? 'Jwks remote fetch is failed' : checkSignature(token, provider.keys);
  if (unsigned !== OK) return unsigned;
  passOn(check, found, token, message);
  return OK;
}

function wrongTime({ notBefore, expires }: Token, { clockSkewSeconds }: JwtProvider, now: number | undefined): string {
  if (now === undefined) return OK;
  const skew = clockSkewSeconds === 0 ? DEFAULT_CLOCK_SKEW_SECONDS : clockSkewSeconds;
  if (now + skew < notBefore) return 'Jwt not yet valid';
  return expires !== 0 && now > expires + skew ? 'Jwt is expired' : OK;
}

function lastsTooLong({ expires, issuedAt }: Token, { requireExpiration, maxLifetime }: JwtProvider, now: number | undefined): boolean {
  if (expires === 0) return requireExpiration || maxLifetime !== undefined;
  const start = issuedAt === 0 ? now : issuedAt;
  return maxLifetime !== undefined && start !== undefined && expires - start > milliseconds(maxLifetime) / 1000;
}

/** Scheme and trailing slash of an audience do not matter. */
function allowsAudience(audiences: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const known = new Set(wanted.map(plainAudience));
  return audiences.some(audience => known.has(plainAudience(audience)));
}

function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** What a good token leaves for later filters and the application. */
function passOn({ passage, claims }: Check, { place }: FoundToken, token: Token, provider: JwtProvider): void {
  if (provider.forwardPayloadHeader !== '') {
    const { payloadText } = token;
    const padding = provider.padForwardPayloadHeader ? '='.repeat((4 - payloadText.length % 4) % 4) : '';
    passage.addHeader(provider.forwardPayloadHeader.toLowerCase(), payloadText + padding);
  }
  for (const { headerName, claimName } of provider.claimToHeaders) {
    const value = headerValue(claimName.split('.').reduce<MetadataValue | undefined>(memberOf, token.payload));
    if (value !== '') passage.addHeader(headerName.toLowerCase(), value);
  }
  if (!provider.forward) {
    if (place.kind === 'header') passage.removeHeader(place.name);
    else if (place.kind === 'parameter') passage.rewritePath(withoutParameter(passage.request.path, place.name));
  }
  if (provider.headerInMetadata !== '') claims[provider.headerInMetadata] = token.header;
  if (provider.payloadInMetadata !== '') {
    claims[provider.payloadInMetadata] = normalized(token.payload, provider.normalizePayloadInMetadata?.spaceDelimitedClaims ?? []);
  }
  passage.reroutes ||= provider.clearRouteCache;
}

function memberOf(value: MetadataValue | undefined, key: string): MetadataValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, MetadataValue>>)[key] : undefined;
}

function headerValue(value: MetadataValue | undefined): string {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value.toFixed(0) : value.toFixed(6);
  // Lists and objects travel as Base64url of their JSON.
  return value === undefined || value === null ? '' : encodeJson(value);
}

function encodeJson(value: MetadataValue): string {
  const binary = Array.from(new TextEncoder().encode(JSON.stringify(value)), byte => String.fromCharCode(byte)).join('');
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_');
}

/** Claims that are lists in one string (`scope`) as lists. */
function normalized(payload: Token['payload'], delimited: readonly string[]): Readonly<Record<string, MetadataValue>> {
  const split = delimited.filter(claim => typeof payload[claim] === 'string')
    .map(claim => [claim, (payload[claim] as string).split(' ').filter(part => part !== '')] as const);
  return split.length === 0 ? payload : { ...payload, ...Object.fromEntries(split) };
}
