import { joinedHash, xxHash64 } from './xxhash';
import type { RouteAction_HashPolicy as Policy } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { headerReader, queryParameter } from '../condition';
import type { HttpRequestFacts } from '../decision';

/** What the requests of a rule are kept together by. Undefined where a request has none of it, and any host will do. */
export type RequestHash = (request: HttpRequestFacts) => bigint | undefined;

/** Prepares the hash policies of a rule; undefined where it has none. */
export function prepareHash(policies: readonly Policy[]): RequestHash | undefined {
  if (policies.length === 0) return undefined;
  const parts = policies.map(policy => ({ read: reader(policy), terminal: policy.terminal }));
  return request => {
    let hash: bigint | undefined;
    for (const { read, terminal } of parts) {
      const text = read(request);
      if (text !== undefined) hash = hash === undefined ? xxHash64(text) : joinedHash(hash, xxHash64(text));
      if (terminal && hash !== undefined) break;
    }
    return hash;
  };
}

function reader({ policySpecifier: specifier }: Policy): (request: HttpRequestFacts) => string | undefined {
  switch (specifier.case) {
    case 'header': {
      if (specifier.value.regexRewrite !== undefined) throw new Error('a hash policy with regex_rewrite is not supported');
      return headerReader(specifier.value.headerName);
    }
    case 'cookie': {
      const { name } = specifier.value;
      return request => cookie(request.headers.get('cookie') ?? '', name);
    }
    case 'queryParameter': {
      const { name } = specifier.value;
      return request => queryParameter(request.path, name);
    }
    case 'connectionProperties': return request => request.sourceAddress;
    default: throw new Error(`hash policy ${specifier.case ?? '(none)'} is not supported`);
  }
}

function cookie(header: string, wanted: string): string | undefined {
  for (const part of header.split(';')) {
    const equal = part.indexOf('=');
    if (equal > 0 && part.slice(0, equal).trim() === wanted) return part.slice(equal + 1).trim().replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}
