import { clone } from '@bufbuild/protobuf';
import { mergeAny, mergeInto } from './merge';
import { addsIn, inContext, isMerge, valueAs } from './patch';
import type { Patch, PatchContext } from './patch';
import { count } from './patch-set';
import type { PatchSet, Places } from './patch-set';
import { isObject, objectOf, objectsOf, textOf } from '../../model/json';
import { ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TransportSocketSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { registry } from '../../xds/registry';

/** A cluster after MERGE and REMOVE; undefined where it was removed. */
export function patchCluster(set: PatchSet, context: PatchContext, cluster: Cluster, places: Places): Cluster | undefined {
  let patched = cluster;
  for (const patch of set.of('CLUSTER')) {
    if (!inContext(patch, context) || !matches(patch, patched)) continue;
    if (patch.operation === 'REMOVE') {
      count(places, patch, 1);
      return undefined;
    }
    const value = valueAs(patch, 'CLUSTER');
    if (!isMerge(patch) || value === undefined) continue;
    count(places, patch, 1);
    if (patched === cluster) patched = clone(ClusterSchema, cluster);
    if (!mergeSocket(patched, value)) mergeInto(ClusterSchema, patched, value, { replaceLists: patch.operation === 'MERGE_AND_REPLACE_LIST' });
  }
  return patched;
}

export function addedClusters(set: PatchSet, context: PatchContext, places: Places): Cluster[] {
  return set.of('CLUSTER').flatMap((patch) => {
    const value = valueAs(patch, 'CLUSTER');
    if (!addsIn(patch, context) || value === undefined) return [];
    count(places, patch, 1);
    return [clone(ClusterSchema, value)];
  });
}

function matches({ match: { cluster: wanted } }: Patch, cluster: Cluster): boolean {
  if (wanted === undefined) return true;
  if (wanted.name !== undefined && wanted.name !== '') return wanted.name === cluster.name;
  const [direction = '', port = '', subset = '', host = ''] = cluster.name.includes('|') ? cluster.name.split('|') : cluster.name.split('_.');
  // The name of an inbound cluster says nothing of the services before it.
  const hosts = direction === 'inbound' ? servicesOf(cluster) : [host];
  if (wanted.subset !== undefined && wanted.subset !== '' && wanted.subset !== subset) return false;
  if (wanted.service !== undefined && wanted.service !== '' && !hosts.includes(wanted.service)) return false;
  return wanted.portNumber === undefined || wanted.portNumber === 0 || wanted.portNumber === Number(port);
}

function servicesOf(cluster: Cluster): string[] {
  const istio = objectOf(cluster.metadata?.filterMetadata.istio);
  return objectsOf(istio.services).filter(isObject).map(({ host }) => textOf(host) ?? '');
}

/** A transport socket merges into the one of its name only: two kinds of socket are no socket. Whether the patch is done with. */
function mergeSocket(cluster: Cluster, { transportSocket: given }: Cluster): boolean {
  if (given === undefined) return false;
  const choices = cluster.transportSocketMatches.map(({ transportSocket }) => transportSocket);
  const target = [...choices, cluster.transportSocket].find(socket => socket?.name === given.name);
  if (target === undefined) {
    if (choices.length === 0) cluster.transportSocket = clone(TransportSocketSchema, given);
  } else if (target.configType.case === 'typedConfig' && given.configType.case === 'typedConfig') {
    target.configType = { case: 'typedConfig', value: mergeAny(registry, target.configType.value, given.configType.value) };
  }
  return true;
}
