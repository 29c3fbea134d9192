import { toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { hasProxy, workloadName } from './proxies';
import { reachOf } from './reach';
import type { CompiledProxy } from '../../compiler/compiled-proxy';
import { createCompiler } from '../../compiler/compiler';
import type { Compiler } from '../../compiler/compiler';
import { objectOf, textMapOf } from '../../model/json';
import { buildModel } from '../../model/model';
import type { Model } from '../../model/model';
import { resourcesOf } from '../../model/parse';
import { proxyOf } from '../../model/proxy';
import type { Resource } from '../../model/resource';
import { compare } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Workload } from '../../model/service';
import { ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';

export { REACH } from './reach';

/** What a proxy is sent. */
export interface Load {
  readonly clusters: number;
  /** Of clusters, endpoints, listeners and routes as they are sent. */
  readonly bytes: number;
}

/** What a Sidecar scope would save one proxy. */
export interface ScopeSaving {
  /** `productpage-v1.default`. */
  readonly proxy: string;
  /** The Sidecar that selects it already; nothing is proposed then. */
  readonly scopedBy?: string;
  readonly now: Load;
  /** With a Sidecar that has the hosts. */
  readonly scoped: Load;
  /** `namespace/host` of what it calls. */
  readonly hosts: readonly string[];
  /** The Sidecar to apply; absent where one stands already. */
  readonly sidecar?: Readonly<Record<string, unknown>>;
}

/** What each proxy beside an application would be spared by a Sidecar of its own, by compiling with and without. */
export function scopeSavings(model: Model, resources: readonly Resource[], only: (workload: Workload) => boolean = () => true): ScopeSaving[] {
  const sidecars = model.workloads.filter(workload => !workload.gateway && hasProxy(workload));
  const controllers = new Map(sidecars.map(workload => [workloadName(workload), workload]));
  const chosen = [...controllers].filter(([, workload]) => only(workload)).sort(([a], [b]) => compare(a, b));
  const proposals = new Map(chosen.filter(([, workload]) => scopeOf(model, workload) === undefined)
    .map(([name, workload]) => [name, sidecarFor(workload, reachOf(model, workload))]));
  const compiler = createCompiler(model);
  const scopedModel = buildModel([...resources, ...resourcesOf([...proposals.values()])], {}, model);
  const scoped = createCompiler(scopedModel);
  return chosen.map(([name, workload]): ScopeSaving => {
    const now = loadOf(compiler, model, workload);
    const sidecar = proposals.get(name);
    if (sidecar === undefined) return { proxy: name, scopedBy: scopeOf(model, workload), now, scoped: now, hosts: [] };
    return { proxy: name, now, scoped: loadOf(scoped, scopedModel, workload), hosts: sidecar.spec.egress[0]!.hosts, sidecar };
  });
}

/** The Sidecar whose egress holds for a workload, the mesh's default included. */
function scopeOf(model: Model, { namespace, labels }: Workload): string | undefined {
  const found = model.of('Sidecar').find(({ metadata, spec }) => {
    const selector = textMapOf(objectOf(spec.workloadSelector).labels);
    if (metadata.namespace === namespace) return selects(selector, labels);
    return metadata.namespace === model.config.rootNamespace && Object.keys(selector).length === 0;
  });
  return found && `${found.metadata.name}.${found.metadata.namespace}`;
}

function sidecarFor(workload: Workload, hosts: readonly string[]) {
  const labels = Object.fromEntries(Object.entries(workload.labels).filter(([name]) => !/istio\.io\/|pod-template-hash/.test(name)));
  // Of several that select a Pod the first by name wins, so the more labels a selector has, the earlier its name.
  const rank = String(100 - Object.keys(labels).length).padStart(3, '0');
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: `scope-${rank}-${workload.workload}`, namespace: workload.namespace },
    spec: { workloadSelector: { labels }, egress: [{ hosts: hosts.length === 0 ? ['~/*'] : hosts }] },
  };
}

function loadOf(compiler: Compiler, model: Model, workload: Workload): Load {
  const again = model.workloads.find(({ namespace, name }) => namespace === workload.namespace && name === workload.name) ?? workload;
  const compiled = compiler.compile(proxyOf(model, again, { capture: 'iptables', dialect: 'istio' }));
  return { clusters: compiled.clusters.length, bytes: bytesOf(compiled) };
}

const sizes = new WeakMap<Message, number>();

function bytesOf({ clusters, endpoints, listeners, routes }: CompiledProxy): number {
  return sum(ClusterSchema, clusters) + sum(ClusterLoadAssignmentSchema, endpoints)
    + sum(ListenerSchema, listeners) + sum(RouteConfigurationSchema, routes);
}

/** Proxies share messages, so each is written once. */
function sum<D extends DescMessage>(schema: D, messages: readonly MessageShape<D>[]): number {
  return messages.reduce((total, message) => {
    const size = sizes.get(message) ?? toBinary(schema, message).length;
    sizes.set(message, size);
    return total + size;
  }, 0);
}
