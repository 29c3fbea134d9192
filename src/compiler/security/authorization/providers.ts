import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { objectOf, objectsOf, textOf } from '../../../model/json';
import { compare } from '../../../model/resource';
import { duration } from '../../../xds/duration';
import { ApiVersion } from '../../../xds/gen/envoy/config/core/v3/config_source_pb';
import type { GrpcServiceSchema } from '../../../xds/gen/envoy/config/core/v3/grpc_service_pb';
import { BufferSettingsSchema } from '../../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import type { ExtAuthzSchema as HttpExtAuthzSchema } from '../../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import type { ExtAuthzSchema as TcpExtAuthzSchema } from '../../../xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb';
import type { ListStringMatcherSchema } from '../../../xds/gen/envoy/type/matcher/v3/string_pb';
import { HttpStatusSchema, StatusCode } from '../../../xds/gen/envoy/type/v3/http_status_pb';
import { durationMs } from '../../durations';
import type { ExtAuthz, ExtAuthzHttp } from '../../istio-security-api';
import type { Mesh } from '../../mesh';
import { clusterOfProvider } from '../provider-cluster';
import type { MetadataInit } from './matchers';

type Http = MessageInitShape<typeof HttpExtAuthzSchema>;
type Tcp = MessageInitShape<typeof TcpExtAuthzSchema>;

/** An external authoriser of MeshConfig as filters. */
export interface Authoriser { readonly http: Http; readonly tcp?: Tcp }

/** Longer than any request: whoever wants less says so, in the provider or in a DestinationRule. */
const TIMEOUT_MS = 600_000;

/** The metadata by which an earlier filter of that form says that a request is to be asked about. */
type Condition = (form: 'http' | 'tcp') => MetadataInit;

/** The authoriser of a name; undefined where MeshConfig has none, or one that cannot be asked. */
export function authoriserOf(mesh: Mesh, name: string, condition: Condition): Authoriser | undefined {
  const named = objectsOf(mesh.model.config.raw.extensionProviders).filter(provider => textOf(provider.name) === name);
  if (named.length !== 1) return undefined;
  const [{ envoyExtAuthzHttp, envoyExtAuthzGrpc }] = named;
  if (envoyExtAuthzHttp !== undefined) return httpAuthoriser(mesh, objectOf(envoyExtAuthzHttp) as ExtAuthzHttp, condition('http'));
  if (envoyExtAuthzGrpc !== undefined) return grpcAuthoriser(mesh, objectOf(envoyExtAuthzGrpc) as ExtAuthz, condition);
  return undefined;
}

function httpAuthoriser(mesh: Mesh, provider: ExtAuthzHttp, filterEnabledMetadata: MetadataInit): Authoriser | undefined {
  const found = clusterOfProvider(mesh, provider.service, provider.port);
  const lists = [
    provider.includeRequestHeadersInCheck, provider.includeHeadersInCheck,
    provider.headersToUpstreamOnAllow, provider.headersToDownstreamOnAllow, provider.headersToDownstreamOnDeny,
  ];
  const prefix = provider.pathPrefix ?? '';
  const usable = lists.every(list => list?.includes('*') !== true) && (prefix === '' || prefix.startsWith('/')) && statusKnown(provider);
  if (found === undefined || !usable) return undefined;
  const headersToAdd = Object.entries(provider.includeAdditionalHeadersInCheck ?? {})
    .sort(([a], [b]) => compare(a, b)).map(([key, value]) => ({ key, value }));
  const upstream = headerList(provider.headersToUpstreamOnAllow);
  const onAllow = headerList(provider.headersToDownstreamOnAllow);
  const onDeny = headerList(provider.headersToDownstreamOnDeny);
  return {
    http: {
      ...common(provider),
      filterEnabledMetadata,
      allowedHeaders: headerList(provider.includeRequestHeadersInCheck) ?? headerList(provider.includeHeadersInCheck),
      services: {
        case: 'httpService',
        value: {
          pathPrefix: prefix,
          serverUri: {
            uri: `http://${found.hostname}`,
            httpUpstreamType: { case: 'cluster', value: found.cluster },
            timeout: duration(timeoutOf(provider)),
          },
          authorizationRequest: headersToAdd.length === 0 ? undefined : { headersToAdd },
          authorizationResponse: [upstream, onAllow, onDeny].every(list => list === undefined) ? undefined
            : { allowedUpstreamHeaders: upstream, allowedClientHeaders: onDeny, allowedClientHeadersOnSuccess: onAllow },
        },
      },
    },
  };
}

function grpcAuthoriser(mesh: Mesh, provider: ExtAuthz, condition: Condition): Authoriser | undefined {
  const found = clusterOfProvider(mesh, provider.service, provider.port);
  if (found === undefined || !statusKnown(provider)) return undefined;
  const grpcService: MessageInitShape<typeof GrpcServiceSchema> = {
    // A cluster's name has characters that no authority may have.
    targetSpecifier: { case: 'envoyGrpc', value: { clusterName: found.cluster, authority: found.cluster.replaceAll('|', '_.') } },
    timeout: duration(timeoutOf(provider)),
  };
  return {
    http: { ...common(provider), filterEnabledMetadata: condition('http'), services: { case: 'grpcService', value: grpcService } },
    tcp: {
      statPrefix: 'tcp.', failureModeAllow: provider.failOpen ?? false, transportApiVersion: ApiVersion.V3, grpcService, filterEnabledMetadata: condition('tcp'),
    },
  };
}

function common(provider: ExtAuthz) {
  const body = provider.includeRequestBodyInCheck;
  return {
    withRequestBody: body && create(BufferSettingsSchema, body),
    failureModeAllow: provider.failOpen ?? false,
    clearRouteCache: provider.clearRouteCache ?? false,
    transportApiVersion: ApiVersion.V3,
    statusOnError: statusOf(provider) === undefined ? undefined : create(HttpStatusSchema, { code: statusOf(provider) }),
  };
}

const timeoutOf = ({ timeout }: ExtAuthz): number => durationMs(timeout) ?? TIMEOUT_MS;

const statusOf = ({ statusOnError }: ExtAuthz): number | undefined => (
  statusOnError === undefined || statusOnError === '' ? undefined : Number(statusOnError));

function statusKnown(provider: ExtAuthz): boolean {
  const status = statusOf(provider);
  return status === undefined || StatusCode[status] !== undefined;
}

function headerList(names: readonly string[] | undefined): MessageInitShape<typeof ListStringMatcherSchema> | undefined {
  if (names === undefined || names.length === 0) return undefined;
  return {
    patterns: names.map(name => ({
      ignoreCase: true,
      matchPattern: name.startsWith('*') ? { case: 'suffix', value: name.slice(1) }
        : name.endsWith('*') ? { case: 'prefix', value: name.slice(0, -1) } : { case: 'exact', value: name },
    })),
  };
}
