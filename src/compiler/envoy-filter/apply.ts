import { addedClusters, patchCluster } from './clusters';
import type { ListenerSite } from './listener-match';
import { addedListeners, patchListener } from './listeners';
import { valueAs } from './patch';
import type { PatchContext } from './patch';
import { count } from './patch-set';
import type { PatchSet, Places } from './patch-set';
import { patchRoutes } from './routes';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { TypedExtensionConfig } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { KeyPart } from '../memo';
import type { View } from '../view';

/** Applies the patches about one proxy to what was compiled for it. Equal input gives the same object, so proxies share what is patched alike. */
export class Patcher {
  public readonly places: Places = new Map();

  public constructor(private readonly view: View, private readonly set: PatchSet | undefined) {}

  /** Whether anything is patched at all. */
  public get active(): boolean {
    return this.set !== undefined;
  }

  public listeners(listeners: readonly Listener[], direction: 'inbound' | 'outbound'): readonly Listener[] {
    const { set } = this;
    if (set === undefined) return listeners;
    const context = this.contextOf(direction);
    return listeners.flatMap(listener => (
      this.once('listener', [context, listener], places => patchListener(set, this.siteOf(context, listener), places)) ?? []));
  }

  /** Listeners that patches add for callers, or for the called. */
  public addedListeners(direction: 'inbound' | 'outbound'): readonly Listener[] {
    const { set } = this;
    if (set === undefined) return [];
    const context = this.contextOf(direction);
    return this.once('addedListeners', [context], places => addedListeners(set, context, places));
  }

  /** Clusters after all patches, with those that patches add at the end. */
  public clusters(clusters: readonly Cluster[], direction: 'inbound' | 'outbound'): readonly Cluster[] {
    const { set } = this;
    if (set === undefined) return clusters;
    const context = this.contextOf(direction);
    return [
      ...clusters.flatMap(cluster => this.once('cluster', [context, cluster], places => patchCluster(set, context, cluster, places)) ?? []),
      ...this.once('addedClusters', [context], places => addedClusters(set, context, places)),
    ];
  }

  /** Extension configurations that patches bring along. */
  public extensions(): readonly TypedExtensionConfig[] {
    const { set } = this;
    if (set === undefined) return [];
    return this.once('extensions', [], places => set.of('EXTENSION_CONFIG').flatMap((patch) => {
      const value = valueAs(patch, 'EXTENSION_CONFIG');
      if (patch.operation !== 'ADD' || value === undefined) return [];
      count(places, patch, 1);
      return [value];
    }));
  }

  /** @param serverPorts - ports of the servers behind a gateway's route configuration */
  public routes(routes: RouteConfiguration, serverPorts: readonly number[] = []): RouteConfiguration {
    const { set } = this;
    if (set === undefined) return routes;
    const context = this.contextOf('outbound');
    return this.once('routes', [context, routes, serverPorts.join()], places => patchRoutes(set, { context, serverPorts }, routes, places));
  }

  private contextOf(direction: 'inbound' | 'outbound'): PatchContext {
    if (this.view.proxy.type === 'router') return 'GATEWAY';
    return direction === 'inbound' ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND';
  }

  private siteOf(context: PatchContext, listener: Listener): ListenerSite {
    const { explicit } = this.view;
    const bound = listener.address?.address.case === 'socketAddress' && listener.address.address.value.portSpecifier.case === 'portValue'
      ? listener.address.address.value.portSpecifier.value : 0;
    const named = /_(\d+)$/.exec(listener.name);
    return {
      context,
      listener,
      port: explicit !== undefined && named !== null ? Number(named[1]) : bound,
      // Where nothing is captured each port has a listener of its own, and they stand for the virtual one.
      names: explicit !== undefined && listener.trafficDirection === TrafficDirection.INBOUND ? [listener.name, 'virtualInbound'] : [listener.name],
    };
  }

  /** Patches a message once for all proxies that have it and the same patches, and counts for each of them. */
  private once<T>(kind: string, key: readonly KeyPart[], patch: (places: Places) => T): T {
    const { mesh, explicit } = this.view;
    const { result, counted } = mesh.memo.get('envoyFilter', [kind, this.set, explicit !== undefined, ...key], () => {
      const own: Places = new Map();
      return { result: patch(own), counted: own };
    });
    for (const [each, number] of counted) count(this.places, each, number);
    return result;
  }
}
