import { assignAddresses, POD_BLOCK } from './assign';
import { groupBy } from './group-by';
import type { ResourceIndex } from './index-resources';
import type { Json } from './json';
import { isObject, numberOf, objectOf, objectsOf, textMapOf, textOf } from './json';
import { localityOfLabels, localityOfPod } from './locality';
import type { ObjectMeta, Resource } from './resource';
import { compare } from './resource';
import { labelSelectorTakes, selects } from './selectors';
import type { ServicePort, Workload } from './service';

/** Where `up` really put a Pod. */
export interface Placement {
  readonly ip: string;
  /** Where the proxy listens for each target port, where only one loopback address exists. */
  readonly ports?: Readonly<Record<number, number>>;
}

/** Placements by `namespace/pod`. */
export type Placements = ReadonlyMap<string, Placement>;

/** Kinds whose Pods come from a template. */
const CONTROLLERS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'CronJob', 'Rollout'] as const;

/** Namespaces that the injector leaves alone (istio-behaviour J1). */
const NEVER_INJECTED: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']);

const TLS_MODE = 'security.istio.io/tlsMode';
const INJECT = 'sidecar.istio.io/inject';

/** Workload before it has an address. */
type Draft = Omit<Workload, 'ip' | 'placed' | 'listenPorts' | 'gateway'> & { readonly ip?: string; readonly ips: readonly string[] };

/** All workloads, by namespace and name: Pods, and controllers that stand for their Pods where the input has none. */
export function workloadsOf(of: ResourceIndex, placements: Placements): Workload[] {
  const localities = new Map(of('Node').map(node => [node.metadata.name, localityOfLabels(node.metadata.labels)]));
  const pods = of('Pod').filter(isAlive).map(pod => podDraft(pod, of, localities));
  const podsIn = groupBy(pods, pod => pod.namespace);
  const controllers = CONTROLLERS.flatMap(kind => of(kind)).filter(each => isScaledUp(each, of))
    .filter(each => !podsIn.get(each.metadata.namespace)?.some(pod => ownsPod(each, pod)));
  const drafts = [...pods, ...controllers.map(each => controllerDraft(each, of))];
  const gatewaySelectors = of('Gateway').map(gateway => textMapOf(gateway.spec.selector)).filter(selector => Object.keys(selector).length > 0);

  const key = (draft: Draft): string => `${draft.namespace}/${draft.name}`;
  const known = new Set(drafts.flatMap(draft => draft.ips));
  const assigned = assignAddresses(drafts.filter(draft => draft.ip === undefined).map(key), POD_BLOCK, known);
  return drafts
    .map(({ ips, ...draft }): Workload => {
      const placed = placements.get(`${draft.namespace}/${draft.name}`);
      const ip = placed?.ip ?? draft.ip ?? assigned.get(`${draft.namespace}/${draft.name}`) ?? '0.0.0.0';
      return {
        ...draft,
        ip,
        ips: placed === undefined && ips.length > 0 ? ips : [ip],
        placed: placed !== undefined,
        listenPorts: placed?.ports ?? {},
        gateway: isGateway(draft.labels, gatewaySelectors),
      };
    })
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
}

/** A gateway: some Gateway selects it, its `istio` label says so, or Gateway API made it. */
export function isGateway(labels: Readonly<Record<string, string>>, selectors: readonly Readonly<Record<string, string>>[]): boolean {
  return (labels.istio ?? '').endsWith('gateway') || labels['gateway.networking.k8s.io/gateway-name'] !== undefined
    || selectors.some(selector => selects(selector, labels));
}

/** Number of the container port that a Service's targetPort means on this workload; undefined where it has no port of that name. */
export function targetPortOn(workload: Pick<Workload, 'containerPorts'>, port: ServicePort): number | undefined {
  const { targetPort } = port;
  if (targetPort === undefined) return port.number;
  if (typeof targetPort === 'number') return targetPort;
  const protocol = port.protocol === 'UDP' ? 'UDP' : 'TCP';
  return workload.containerPorts.find(each => each.name === targetPort && each.protocol === protocol)?.port;
}

function podDraft(pod: Resource, of: ResourceIndex, localities: ReadonlyMap<string, string>): Draft {
  const nodeName = textOf(pod.spec.nodeName);
  // A Pod that runs shows what the injector did; one that was only written down gets what the injector would do.
  const labels = pod.status === undefined ? injectedLabels(pod.metadata, pod.spec, pod.metadata.namespace, of) : pod.metadata.labels;
  const ips = [...new Set([textOf(pod.status?.podIP), ...objectsOf(pod.status?.podIPs).map(entry => textOf(entry.ip))])]
    .filter((ip): ip is string => ip !== undefined);
  const ready = objectsOf(pod.status?.conditions).find(condition => condition.type === 'Ready');
  return {
    kind: 'Pod',
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    workload: workloadName(pod),
    labels,
    annotations: pod.metadata.annotations,
    serviceAccount: serviceAccountOf(pod.spec),
    ip: ips[0],
    ips,
    containerPorts: containerPortsOf(pod.spec),
    locality: localityOfPod(labels, nodeName === undefined ? undefined : localities.get(nodeName)),
    nodeName,
    ready: ready === undefined || ready.status === 'True',
    resource: pod,
  };
}

function controllerDraft(controller: Resource, of: ResourceIndex): Draft {
  const { metadata } = controller;
  const template = templateOf(controller, of);
  const own = objectOf(template.metadata);
  const spec = objectOf(template.spec);
  const annotations = textMapOf(own.annotations);
  const labels = injectedLabels({ labels: textMapOf(own.labels), annotations }, spec, metadata.namespace, of);
  return {
    kind: controller.kind,
    namespace: metadata.namespace,
    name: metadata.name,
    workload: labels['service.istio.io/workload-name'] ?? metadata.name,
    labels,
    annotations,
    serviceAccount: serviceAccountOf(spec),
    ips: [],
    containerPorts: containerPortsOf(spec),
    // Without a Pod there is no Node; the template may still say where its Pods have to run.
    locality: localityOfPod(labels, localityOfLabels(textMapOf(spec.nodeSelector))),
    ready: true,
    resource: controller,
  };
}

/** Pod template of a controller; a CronJob's lies in its job template, a Rollout's perhaps in the workload that it refers to. */
function templateOf(controller: Resource, of: ResourceIndex): Json {
  const { spec, metadata } = controller;
  if (isObject(spec.workloadRef)) {
    const { kind, name } = spec.workloadRef;
    const source = of(textOf(kind) ?? 'Deployment').find(each => each.metadata.name === name && each.metadata.namespace === metadata.namespace);
    return objectOf(source?.spec.template);
  }
  return objectOf(isObject(spec.jobTemplate) ? objectOf(spec.jobTemplate.spec).template : spec.template);
}

/** A controller of no replicas stands for nothing. */
function isScaledUp(controller: Resource, of: ResourceIndex): boolean {
  return numberOf(controller.spec.replicas) !== 0 && isObject(templateOf(controller, of).spec);
}

function ownsPod(controller: Resource, pod: Draft): boolean {
  const { name } = controller.metadata;
  if (pod.resource.metadata.ownerReferences?.some(owner => owner.controller && owner.kind === controller.kind && owner.name === name)) return true;
  if (pod.workload === name && pod.workload !== pod.name) return true;
  const { selector } = controller.spec;
  return controller.kind === 'ReplicationController' ? selects(textMapOf(selector), pod.labels) : labelSelectorTakes(selector, pod.labels);
}

/** Name of the controller (istio-behaviour A3): a ReplicaSet counts for its Deployment, a CronJob's Job for the CronJob. */
function workloadName(pod: Resource): string {
  const { metadata } = pod;
  const given = metadata.labels['service.istio.io/workload-name'];
  const owner = metadata.ownerReferences?.find(each => each.controller);
  if (given !== undefined) return given;
  if (owner === undefined || metadata.generateName === undefined) return metadata.name;
  const hash = metadata.labels['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) return owner.name.slice(0, -hash.length - 1);
  return owner.kind === 'Job' ? owner.name.replace(/-\d{8,10}$/, '') : owner.name;
}

/** Succeeded and failed Pods serve nothing. */
function isAlive(pod: Resource): boolean {
  const phase = textOf(pod.status?.phase);
  return phase !== 'Succeeded' && phase !== 'Failed';
}

/** Labels of a Pod as the injector would leave them: it marks the Pods that can speak mutual TLS. */
function injectedLabels(pod: Pick<ObjectMeta, 'labels' | 'annotations'>, spec: Json, namespace: string, of: ResourceIndex): ObjectMeta['labels'] {
  const { labels, annotations } = pod;
  const choice = labels[INJECT] ?? annotations[INJECT];
  const home = of('Namespace').find(each => each.metadata.name === namespace)?.metadata.labels;
  // A namespace that the input does not describe is taken to be in the mesh.
  const enabled = home === undefined || home['istio-injection'] === 'enabled' || (home['istio-injection'] === undefined && home['istio.io/rev'] !== undefined);
  const injected = !NEVER_INJECTED.has(namespace) && spec.hostNetwork !== true && (choice === 'true' || (choice !== 'false' && (enabled || isGateway(labels, []))));
  return injected && labels[TLS_MODE] === undefined ? { ...labels, [TLS_MODE]: 'istio' } : labels;
}

function serviceAccountOf(spec: Json): string {
  return textOf(spec.serviceAccountName) || textOf(spec.serviceAccount) || 'default';
}

function containerPortsOf(spec: Json): Workload['containerPorts'] {
  // Init containers that restart are sidecars and keep their ports open.
  const containers = [...objectsOf(spec.containers), ...objectsOf(spec.initContainers).filter(container => container.restartPolicy === 'Always')];
  return containers.flatMap(container => objectsOf(container.ports).flatMap((port) => {
    const number = numberOf(port.containerPort);
    return number === undefined ? []
      : [{ name: textOf(port.name), port: number, protocol: textOf(port.protocol) ?? 'TCP', container: textOf(container.name) ?? '' }];
  }));
}
