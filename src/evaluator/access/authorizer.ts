import type { Matcher } from './facts';
import { prepareMetadataMatcher } from './metadata';
import type { Passage } from './passage';
import type { AuthorizationResponse, ExtAuthz } from '../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import type { ListStringMatcher } from '../../xds/gen/envoy/type/matcher/v3/string_pb';
import type { Answer } from '../decision';
import { localReply } from '../local-reply';
import { prepareStringMatcher } from '../string-matcher';
import type { TraceSink } from '../trace';

/** A filter that asks one. */
export interface AuthorizerCheck {
  readonly kind: 'authorizer';
  readonly name: string;
  /** Cluster through which it is asked. */
  readonly cluster: string;
  /** Asks only where this holds. */
  readonly enabled?: Matcher;
  /** Over HTTP; otherwise over gRPC. */
  readonly http: boolean;
  readonly failsOpen: boolean;
  /** Tells the application that nobody was asked. */
  readonly marksFailure: boolean;
  readonly statusOnError: number;
  /** Headers of the authorizer's answer that the application gets, instead of or besides its own, and the caller. */
  readonly upstream: HeaderTest;
  readonly upstreamToo: HeaderTest;
  readonly client: HeaderTest;
}

type HeaderTest = (name: string) => boolean;

const DEFAULT_STATUS_ON_ERROR = 403;
/** Headers that a caller gets besides those that are named. */
const ALWAYS = ['www-authenticate', 'location', 'proxy-authenticate'];
const NONE: HeaderTest = () => false;

export function prepareAuthorizer(name: string, message: ExtAuthz): AuthorizerCheck {
  const { services, filterEnabledMetadata, failureModeAllow, failureModeAllowHeaderAdd, statusOnError } = message;
  const http = services.case === 'httpService' ? services.value : undefined;
  const grpc = services.case === 'grpcService' && services.value.targetSpecifier.case === 'envoyGrpc' ? services.value.targetSpecifier.value.clusterName : '';
  return {
    kind: 'authorizer',
    name,
    cluster: http?.serverUri?.httpUpstreamType.value ?? grpc,
    ...(filterEnabledMetadata && { enabled: prepareMetadataMatcher(filterEnabledMetadata) }),
    http: http !== undefined,
    failsOpen: failureModeAllow,
    marksFailure: failureModeAllowHeaderAdd,
    statusOnError: statusOnError === undefined || Number(statusOnError.code) === 0 ? DEFAULT_STATUS_ON_ERROR : Number(statusOnError.code),
    ...headersOf(http?.authorizationResponse),
  };
}

function headersOf(response: AuthorizationResponse | undefined): Pick<AuthorizerCheck, 'upstream' | 'upstreamToo' | 'client'> {
  const { allowedUpstreamHeaders, allowedUpstreamHeadersToAppend, allowedClientHeaders } = response ?? {};
  const named = listed(allowedClientHeaders);
  return {
    upstream: listed(allowedUpstreamHeaders),
    upstreamToo: listed(allowedUpstreamHeadersToAppend),
    // Without a list, the caller gets them all.
    client: named === NONE ? name => name !== 'host' : name => ALWAYS.includes(name) || named(name),
  };
}

function listed(list: ListStringMatcher | undefined): HeaderTest {
  const tests = (list?.patterns ?? []).map(pattern => prepareStringMatcher(pattern).test);
  return tests.length === 0 ? NONE : name => tests.some(test => test(name));
}

/** The answer in the application's place, where the authorizer does not let the request pass. */
export function askAuthorizer(check: AuthorizerCheck, passage: Passage, trace: TraceSink | undefined): Answer | undefined {
  const { name, cluster, enabled } = check;
  const tell = (outcome: 'chosen' | 'failed' | 'skipped', because: string): void => trace?.({ step: 'policy', name, outcome, because, detail: cluster });
  if (enabled !== undefined && !enabled.test(passage)) {
    tell('skipped', 'no policy asks it about this request');
    return undefined;
  }
  const verdict = passage.context.authorizer?.(cluster);
  if (verdict === undefined) {
    tell('chosen', 'its answer is not declared; taken as letting the request pass');
    return undefined;
  }
  if (verdict.kind === 'allow') {
    tell('chosen', 'it lets the request pass');
    admitHeaders(check, verdict.headers ?? {}, passage);
    return undefined;
  }
  if (verdict.kind === 'unavailable' || (check.http && verdict.status >= 500)) return failed(check, passage, tell);
  const { status, headers = {}, body = '' } = verdict;
  tell('failed', `it answers ${status}`);
  const given = Object.entries(headers).filter(([header]) => !check.http || check.client(header));
  return localReply(passage.request, { status, body, headers: given, flag: 'UAEX', details: 'ext_authz_denied' });
}

function failed(
  { failsOpen, marksFailure, statusOnError }: AuthorizerCheck, passage: Passage, tell: (outcome: 'chosen' | 'failed', because: string) => void,
): Answer | undefined {
  if (!failsOpen) {
    tell('failed', `it cannot be asked, and then the answer is ${statusOnError}`);
    return localReply(passage.request, { status: statusOnError, flag: 'UAEX', details: 'ext_authz_error' });
  }
  tell('chosen', 'it cannot be asked, and then requests pass');
  if (marksFailure) passage.addHeader('x-envoy-auth-failure-mode-allowed', 'true');
  return undefined;
}

function admitHeaders({ http, upstream, upstreamToo }: AuthorizerCheck, headers: Readonly<Record<string, string>>, passage: Passage): void {
  for (const [header, value] of Object.entries(headers)) {
    if (!http || upstream(header)) {
      passage.removeHeader(header);
      passage.addHeader(header, value);
    } else if (upstreamToo(header)) {
      passage.addHeader(header, value);
    }
  }
}
