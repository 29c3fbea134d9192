import { create } from '@bufbuild/protobuf';
import { hashPolicy } from './hash-policy';
import { DEFAULT_RETRY, retryPolicy } from './retry';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { RouteSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { Route } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { HttpRetry } from '../istio-api';
import { outboundCluster } from '../names';
import type { View } from '../view';

/** The route of a service that no VirtualService speaks for. */
export function defaultRoute(view: View, service: Service, port: ServicePort): Route {
  const retries = view.mesh.model.config.raw.defaultHttpRetryPolicy as HttpRetry | undefined;
  const hash = hashPolicy(view.ruleOf(service), port.number, '');
  return create(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: outboundCluster(port.number, '', service.hostname) },
        timeout: duration(0),
        maxGrpcTimeout: duration(0),
        retryPolicy: retries === undefined ? DEFAULT_RETRY : retryPolicy(retries, false),
        hashPolicy: hash === undefined ? [] : [hash],
      },
    },
    decorator: { operation: `${service.hostname}:${port.number}/*` },
  });
}
