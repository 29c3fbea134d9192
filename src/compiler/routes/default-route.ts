import { consistentHash, hashPolicy } from './hash-policy';
import { CATCH_ALL } from './match';
import { DEFAULT_RETRY, retryPolicy } from './retry';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import type { Route } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import * as literal from '../../xds/literals';
import type { HttpRetry } from '../istio-api';
import { outboundCluster } from '../names';
import type { View } from '../view';

const NO_TIMEOUT = duration(0);

/** The route of a service that no VirtualService speaks for. */
export function defaultRoute(view: View, service: Service, port: ServicePort): Route {
  const retries = view.mesh.model.config.raw.defaultHttpRetryPolicy as HttpRetry | undefined;
  const hash = hashPolicy(consistentHash(view.ruleOf(service), port.number, ''));
  return literal.route({
    name: 'default',
    match: CATCH_ALL,
    action: {
      case: 'route',
      value: literal.routeAction({
        clusterSpecifier: { case: 'cluster', value: outboundCluster(port.number, '', service.hostname) },
        timeout: NO_TIMEOUT,
        maxGrpcTimeout: NO_TIMEOUT,
        retryPolicy: retries === undefined ? DEFAULT_RETRY : retryPolicy(retries, false),
        hashPolicy: hash && [hash],
      }),
    },
    metadata: undefined,
    operation: `${service.hostname}:${port.number}/*`,
  });
}
