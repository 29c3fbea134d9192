import { create } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { PASSTHROUGH } from '../names';
import type { View } from '../view';

const ANY = { pathSpecifier: { case: 'prefix' as const, value: '/' } };
const BAD_GATEWAY = { case: 'directResponse' as const, value: { status: 502 } };

const allowAny = (cluster: string): VirtualHost => create(VirtualHostSchema, {
  name: 'allow_any',
  domains: ['*'],
  includeRequestAttemptCount: true,
  routes: [{
    name: 'allow_any',
    match: ANY,
    action: {
      case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: duration(0), maxGrpcTimeout: duration(0) },
    },
  }],
});

const ALLOW_ANY = allowAny(PASSTHROUGH);

const BLOCK_ALL = create(VirtualHostSchema, {
  name: 'block_all', domains: ['*'], includeRequestAttemptCount: true, routes: [{ name: 'block_all', match: ANY, action: BAD_GATEWAY }],
});

/** Without an original destination there is nowhere to let a request through to. */
const NOWHERE = create(VirtualHostSchema, {
  name: 'allow_any', domains: ['*'], includeRequestAttemptCount: true, routes: [{ name: 'allow_any', match: ANY, action: BAD_GATEWAY }],
});

/** Answer to hosts that nobody declared, last in every shared route configuration. */
export function catchAllHost(view: View): VirtualHost {
  if (view.scope.registryOnly) return BLOCK_ALL;
  if (view.scope.egressProxy !== undefined) return allowAny(view.scope.egressProxy);
  return view.explicit === undefined ? ALLOW_ANY : NOWHERE;
}
