import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { HttpConnectionManager_TracingSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpConnectionManager_Tracing } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { CustomTagSchema } from '../../xds/gen/envoy/type/tracing/v3/custom_tag_pb';
import type { View } from '../view';
import { telemetryLevels } from './levels';

type Tag = MessageInitShape<typeof CustomTagSchema>;

const dryRun = (tag: string, key: string): Tag => ({
  tag,
  type: {
    case: 'metadata',
    value: {
      kind: { kind: { case: 'request', value: {} } },
      metadataKey: { key: 'envoy.filters.http.rbac', path: [{ segment: { case: 'key', value: key } }] },
    },
  },
});

const literal = (tag: string, value: string): Tag => ({ tag, type: { case: 'literal', value: { value } } });

/**
 * Tracing of one proxy (istio-behaviour H4). Without a provider it only decides which requests count as sampled,
 * so it is the same for every Envoy.
 */
export function tracing(view: View): HttpConnectionManager_Tracing | undefined {
  const { config } = view.mesh.model;
  // A tracing section without a provider turns tracing off, and none with one is compiled yet.
  const sections = telemetryLevels(view).flatMap(({ tracing: section }) => section ?? []);
  if (!config.enableTracing || sections.length > 0) return undefined;
  const { labels, metadata, namespace, clusterId, workload } = view.proxy;
  const service = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels.app ?? workload;
  const revision = labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels.version ?? 'latest';
  const mesh = typeof metadata.MESH_ID === 'string' && metadata.MESH_ID !== '' ? metadata.MESH_ID : 'unknown';
  return create(HttpConnectionManager_TracingSchema, {
    clientSampling: { value: 100 },
    randomSampling: { value: config.tracingSampling },
    overallSampling: { value: 100 },
    customTags: [
      dryRun('istio.authorization.dry_run.allow_policy.name', 'istio_dry_run_allow_shadow_effective_policy_id'),
      dryRun('istio.authorization.dry_run.allow_policy.result', 'istio_dry_run_allow_shadow_engine_result'),
      dryRun('istio.authorization.dry_run.deny_policy.name', 'istio_dry_run_deny_shadow_effective_policy_id'),
      dryRun('istio.authorization.dry_run.deny_policy.result', 'istio_dry_run_deny_shadow_engine_result'),
      literal('istio.canonical_revision', revision),
      literal('istio.canonical_service', service),
      literal('istio.cluster_id', clusterId),
      literal('istio.mesh_id', mesh),
      literal('istio.namespace', namespace),
    ],
  });
}
