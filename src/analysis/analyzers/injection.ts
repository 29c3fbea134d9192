import { objectOf, objectsOf, textMapOf, textOf } from '../../model/json';
import type { Json } from '../../model/json';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';

const INJECTION = 'istio-injection';
const REVISION = 'istio.io/rev';
const MODE = 'istio.io/dataplane-mode';
const ISTIO_UID = 1337;

/** Who gets a sidecar: namespaces (IST0102, IST0123, IST0148), Pods (IST0103), images (IST0146, IST0147, IST0158), user IDs (IST0144). */
export function injectionAnalysis(context: Context): void {
  const everywhere = objectOf(objectOf(context.model.config.raw).sidecarInjectorWebhook).enableNamespacesByDefault === true;
  for (const namespace of context.model.of('Namespace')) ofNamespace(context, namespace, everywhere);
  for (const pod of context.model.of('Pod')) {
    const spec = pod.spec ?? {};
    inPod(context, pod, spec, ['spec'], pod.metadata);
    missing(context, pod);
    outdated(context, pod);
  }
  for (const deployment of context.model.of('Deployment')) {
    const template = objectOf(objectOf(deployment.spec).template);
    inPod(context, deployment, objectOf(template.spec), ['spec', 'template', 'spec'], { namespace: deployment.metadata.namespace, labels: textMapOf(objectOf(template.metadata).labels) });
  }
}

const SYSTEM = new Set(['istio-system', 'kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']);

function ofNamespace(context: Context, namespace: Resource, everywhere: boolean): void {
  const { labels, name } = namespace.metadata;
  const set = [INJECTION, REVISION, MODE].filter(key => labels[key] !== undefined && !(key === INJECTION && labels[key] === 'disabled') && !(key === MODE && labels[key] === 'none'));
  if (set.length > 1) {
    return context.report(namespace, ['metadata', 'labels'], doubtful('MESH_INJECTION_CONFLICT', `a namespace joins the mesh by one label, got ${set.join(' and ')}`, 'keep one of them', 'IST0123'));
  }
  // Of a namespace in which the input has nothing, nothing can be meant.
  if (set.length > 0 || labels[INJECTION] === 'disabled' || SYSTEM.has(name) || context.index.workloadsIn(name).length === 0) return;
  context.report(namespace, ['metadata', 'labels'], {
    code: 'MESH_INJECTION_OFF',
    istioCode: everywhere ? 'IST0148' : 'IST0102',
    severity: 'info',
    message: everywhere ? `the namespace ${name} has no label, and every namespace joins the mesh by default` : `a namespace joins the mesh by the label istio-injection or istio.io/rev, got neither on ${name}`,
    repair: 'add istio-injection: enabled, or disabled to say that it stays out',
  });
}

/** IST0103: a Pod that runs without the proxy its namespace asks for. Pods that were only written down get theirs later. */
function missing(context: Context, pod: Resource): void {
  const { metadata, spec, status } = pod;
  const enabled = context.model.namespaceLabels(metadata.namespace)[INJECTION] === 'enabled';
  const out = metadata.labels['sidecar.istio.io/inject'] === 'false' || metadata.annotations['sidecar.istio.io/inject'] === 'false' || spec?.hostNetwork === true;
  const proxies = [...objectsOf(spec?.containers), ...objectsOf(spec?.initContainers)].some(({ name }) => name === 'istio-proxy');
  if (status?.phase === undefined || !enabled || out || proxies) return;
  context.report(pod, ['metadata'], doubtful('MESH_INJECTION_MISSING', `Pods of a namespace with istio-injection: enabled have a proxy, got none in ${metadata.name}`, 'restart it', 'IST0103'));
}

/** IST0158: a Pod whose proxy is not the one that the injector of its revision would give it today. */
function outdated(context: Context, pod: Resource): void {
  const { metadata, spec } = pod;
  const path: Path | undefined = (['containers', 'initContainers'] as const).map(list => ['spec', list, objectsOf(spec?.[list]).findIndex(({ name }) => name === 'istio-proxy')] as const)
    .find(([, , index]) => index >= 0);
  if (path === undefined || metadata.annotations['sidecar.istio.io/proxyImage'] !== undefined) return;
  const image = textOf(objectsOf(spec[path[1]])[Number(path[2])].image);
  const home = context.model.namespaceLabels(metadata.namespace);
  const wanted = proxyImage(context, metadata.labels[REVISION] ?? home[REVISION] ?? 'default');
  if (image === undefined || image === 'auto' || wanted === undefined || plain(image) === plain(wanted)) return;
  context.report(pod, [...path, 'image'], doubtful('MESH_INJECTION_OUTDATED', `a proxy is of the image that the injector gives now, ${wanted}, got ${image}`, 'restart the workload', 'IST0158'));
}

/** Variants of one image are equally new. */
const plain = (image: string): string => image.replace(/-(?:debug|distroless)$/, '');

/** Image that the injector of a revision gives; undefined where the input does not have its settings. */
function proxyImage(context: Context, revision: string): string | undefined {
  const name = revision === 'default' ? 'istio-sidecar-injector' : `istio-sidecar-injector-${revision}`;
  const map = context.model.of('ConfigMap').find(({ metadata }) => metadata.name === name && metadata.namespace === context.model.config.rootNamespace);
  const global = objectOf(valuesOf(textOf(objectOf(map?.document.data).values)).global);
  const image = textOf(objectOf(global.proxy).image) ?? 'proxyv2';
  if (image.includes('/')) return image;
  const [hub, tag] = [global.hub, global.tag];
  return textOf(hub) === undefined || tag === undefined ? undefined : `${String(hub)}/${image}:${String(tag)}`;
}

function valuesOf(text: string | undefined): Json {
  try {
    return objectOf(JSON.parse(text ?? '{}'));
  } catch {
    return {}; // an injector whose settings cannot be read gives nothing to compare with
  }
}

function inPod(context: Context, resource: Resource, spec: Readonly<Record<string, unknown>>, path: Path, meta: Pick<Resource['metadata'], 'namespace' | 'labels'>): void {
  const user = (value: unknown) => objectOf(objectOf(value).securityContext).runAsUser;
  const uid = (place: Path) => context.report(resource, place, doubtful('MESH_UID_RESERVED', `user ${ISTIO_UID} is the proxy's, whose traffic is not captured, got it for an application`, 'run as another user', 'IST0144'));
  if (user(spec) === ISTIO_UID) uid([...path, 'securityContext', 'runAsUser']);
  for (const list of ['containers', 'initContainers'] as const) {
    objectsOf(spec[list]).forEach((container, index) => {
      if (container.name !== 'istio-proxy' && container.name !== 'istio-init' && user(container) === ISTIO_UID) uid([...path, list, index, 'securityContext', 'runAsUser']);
      if (container.name === 'istio-proxy' && container.image === 'auto') auto(context, resource, [...path, list, index, 'image'], meta);
    });
  }
}

/** The image `auto` is replaced by the injector; where it does not act, nothing can be pulled. */
function auto(context: Context, resource: Resource, path: Path, { namespace, labels }: Pick<Resource['metadata'], 'namespace' | 'labels'>): void {
  const home = context.model.namespaceLabels(namespace);
  const injected = labels['sidecar.istio.io/inject'] === 'true' || labels[REVISION] !== undefined
    || ((home[INJECTION] === 'enabled' || home[REVISION] !== undefined) && labels['sidecar.istio.io/inject'] !== 'false');
  if (resource.kind === 'Pod' && resource.status?.phase !== undefined) {
    context.report(resource, path, { code: 'MESH_INJECTION_MISSING', istioCode: 'IST0147', message: 'the image auto is replaced as a Pod is made, got it in one that exists', repair: 'make the Pod where the injector acts' });
  } else if (!injected) {
    context.report(resource, path, doubtful('MESH_INJECTION_MISSING', 'the image auto is replaced where the injector acts, got it where no label asks for that', 'add the label sidecar.istio.io/inject: "true" to the Pods', 'IST0146'));
  }
}
