import type { Any } from '@bufbuild/protobuf/wkt';
import { pack } from '../../xds/any';
import { PluginConfigSchema } from '../../xds/gen/envoy/extensions/stats/config_pb';
import type { View } from '../view';

/** Which side of a request a filter measures: `server` side configuration never takes the service name from the Host header. */
export type Side = 'client' | 'server';

const CONFIG: Readonly<Record<Side, Any>> = {
  client: pack(PluginConfigSchema),
  server: pack(PluginConfigSchema, { disableHostHeaderFallback: true }),
};

/** Configuration of `istio.stats`, where Prometheus is a provider and the proxy has the filter (istio-behaviour H3). */
export function statsConfig(view: View, side: Side): Any | undefined {
  return view.dialect.stats && view.mesh.model.config.defaultMetricsProviders.includes('prometheus') ? CONFIG[side] : undefined;
}
