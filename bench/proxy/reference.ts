import { readFileSync } from 'fs';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { createDataPlane } from '../../runtime/proxy';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { registry } from '../../src/xds/registry';

/** The reference proxy on the resources of a file, as a process of its own. */
const { listeners, clusters } = JSON.parse(readFileSync(process.argv[2], 'utf8')) as Record<'listeners' | 'clusters', JsonValue[]>;

void createDataPlane().apply({
  listeners: listeners.map(json => fromJson(ListenerSchema, json, { registry })),
  clusters: clusters.map(json => fromJson(ClusterSchema, json, { registry })),
  routes: [],
  endpoints: [],
}).then(({ failed }) => {
  if (failed.length > 0) throw new Error(failed[0].error);
});
