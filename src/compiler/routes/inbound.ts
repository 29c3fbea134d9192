import { create } from '@bufbuild/protobuf';
import { inboundRetry } from './retry';
import { duration } from '../../xds/duration';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { HttpRetry } from '../istio-api';
import type { Mesh } from '../mesh';

export interface InboundRouteOptions {
  readonly mesh: Mesh;
  readonly cluster: string;
  /** Number of the service port; 0 where no service has it. */
  readonly port: number;
  readonly hostname: string;
  readonly retries: boolean;
}

/** The one route of an inbound port: to the application (istio-behaviour E4). No VirtualService speaks here. */
export function inboundRoutes(options: InboundRouteOptions): RouteConfiguration {
  const { mesh, cluster, port, hostname, retries } = options;
  return mesh.memo.get('inboundRoutes', [cluster, port, hostname, retries], () => create(RouteConfigurationSchema, {
    name: cluster,
    validateClusters: false,
    virtualHosts: [{
      name: `inbound|http|${port}`,
      domains: ['*'],
      routes: [{
        name: 'default',
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: {
          case: 'route',
          value: {
            clusterSpecifier: { case: 'cluster', value: cluster },
            timeout: duration(0),
            maxStreamDuration: { maxStreamDuration: duration(0), grpcTimeoutHeaderMax: duration(0) },
            retryPolicy: retries ? inboundRetry(mesh.model.config.raw.defaultInboundHttpRetryPolicy as HttpRetry | undefined) : undefined,
          },
        },
        decorator: { operation: `${hostname}:${port}/*` },
      }],
    }],
  }));
}
