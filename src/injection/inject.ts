import { checkAnnotations } from './annotations';
import { annotation, holdsApplication, movesProxy } from './context';
import type { Context } from './context';
import { gatewayTemplate } from './gateway-template';
import { grpcAgentTemplate, grpcSimpleTemplate } from './grpc-templates';
import { reorder } from './order';
import { asWritten, followUser, moveProxy, reapply, statusOf, statusText } from './overrides';
import { annotationsOf, labelsOf, PROXY, proxyOf } from './pod';
import type { EnvVar, Owner, Pod } from './pod';
import { PROBERS, rewriteProbes } from './probes';
import { clearMetrics, mergeMetrics, METRICS, metricsAreMerged, secureMetrics } from './prometheus';
import { DEFAULT_PROXY_CONFIG, mergeProxyConfig, proxyConfigOf } from './proxy-config';
import { sidecarTemplate } from './sidecar-template';
import { strategicMerge } from './strategic-merge';
import { typed } from './typed';
import type { Data } from './typed';
import type { Values } from './values';
import { MeshError } from '../model/error';
import { objectOf, textOf } from '../model/json';
import type { Json } from '../model/json';

const TEMPLATES: Readonly<Record<string, (context: Context) => Data>> = {
  'gateway': gatewayTemplate, 'grpc-agent': grpcAgentTemplate, 'grpc-simple': grpcSimpleTemplate, 'sidecar': sidecarTemplate,
};

/** What injection into any Pod of a mesh is made from. */
export interface MeshSettings {
  readonly values: Values;
  /** MeshConfig with Istio's defaults. */
  readonly mesh: Json;
  readonly proxyConfig: Json;
  readonly revision: string;
  readonly nativeSidecar: boolean;
}

/** MeshConfig as given, over what Istio installs. */
export function meshSettings(values: Values, mesh: Json, revision: string, nativeSidecar: boolean, where = 'MeshConfig'): MeshSettings {
  try {
    const proxyConfig = mergeProxyConfig(DEFAULT_PROXY_CONFIG, mesh.defaultConfig);
    return { values, mesh: { trustDomain: 'cluster.local', enablePrometheusMerge: true, ...mesh }, proxyConfig, revision, nativeSidecar };
  } catch (error) {
    throw new MeshError('MESH_FIELD_TYPE', `defaultConfig must be a ProxyConfig, got one in which ${(error as Error).message}; correct it`, where);
  }
}

/** A Pod with what Istio's injector adds. The Pod given is left as it is. */
export function injectPod(original: Pod, owner: Owner, settings: MeshSettings, where: string): Pod {
  checkAnnotations(annotationsOf(original), where);
  const injectedBefore = statusOf(original) !== undefined;
  const proxyConfig = proxyConfigOf(settings.proxyConfig, annotationsOf(original)['proxy.istio.io/config']);
  const statusPort = Number(proxyConfig.statusPort);
  const context: Context = { ...settings, proxyConfig, owner, pod: forTemplates(original, statusPort) };
  const network = labelsOf(original)['topology.istio.io/network'] ?? settings.values.global.network;

  let template: Data = { spec: {} };
  let pod = original;
  for (const name of templateNames(original)) {
    const render = TEMPLATES[name];
    if (render === undefined) {
      throw new MeshError('MESH_INJECT_TEMPLATE', `annotation inject.istio.io/templates must name templates of the injector, got ${JSON.stringify(name)}; have ${Object.keys(TEMPLATES).join(', ')}`, where);
    }
    const overlay = render(context);
    template = strategicMerge('PodTemplateSpec', template, overlay);
    if (movesProxy(pod, settings.nativeSidecar) && isInit(template, PROXY)) pod = moveProxy(pod);
    pod = read(strategicMerge('PodTemplateSpec', pod as unknown as Data, overlay), where);
  }
  pod = read(reapply(pod, original, template, where) as unknown as Data, where);
  followUser(pod, context.pod, annotation({ ...context, pod }, 'sidecar.istio.io/interceptionMode', proxyConfig.interceptionMode ?? 'REDIRECT') === 'TPROXY');

  const metadata = pod.metadata;
  metadata.annotations ??= {};
  metadata.labels ??= {};
  nameCluster(pod, settings.values.global.multiCluster.clusterName, network);
  mergeMetrics(pod, settings.mesh, statusPort, where);
  secureMetrics(pod);
  rewriteProbes(pod, statusPort, settings.values.sidecarInjectorWebhook.rewriteAppHTTPProbe, injectedBefore);
  if (network !== '') metadata.labels['topology.istio.io/network'] = network;
  metadata.annotations['sidecar.istio.io/status'] = statusText(template, settings.revision);
  reorder(pod, holdsApplication(context));
  return read(pod as unknown as Data, where);
}

/** A deep copy in Kubernetes' own form. */
function read(pod: Data, where: string): Pod {
  return typed('PodTemplateSpec', pod, where) as unknown as Pod;
}

/** The Pod as templates see it: without the traces of an earlier injection. */
function forTemplates(original: Pod, statusPort: number): Pod {
  const written = asWritten(original);
  if (statusOf(original) === undefined) return written;
  const pod: Pod = { ...written, metadata: { ...written.metadata, annotations: { ...written.metadata.annotations } } };
  delete pod.metadata.annotations!['sidecar.istio.io/status'];
  if (metricsAreMerged(pod, statusPort)) clearMetrics(pod);
  return pod;
}

function templateNames(pod: Pod): readonly string[] {
  const asked = annotationsOf(pod)['inject.istio.io/templates'];
  return asked === undefined ? ['sidecar'] : asked.split(',').map(name => name.trim());
}

function isInit(template: Data, name: string): boolean {
  const containers = objectOf(template.spec).initContainers;
  return Array.isArray(containers) && containers.some((container: Data) => textOf(container.name) === name);
}

/** Cluster and network of the proxy, where they are known, after the rest of its environment but for what is added below. */
function nameCluster(pod: Pod, cluster: string, network: string): void {
  const proxy = proxyOf(pod);
  if (proxy === undefined) return;
  const known: EnvVar[] = [
    ...(cluster === '' ? [] : [{ name: 'ISTIO_META_CLUSTER_ID', value: cluster }]),
    ...(network === '' ? [] : [{ name: 'ISTIO_META_NETWORK', value: network }]),
  ];
  const others = (proxy.env ?? []).filter(({ name }) => !known.some(variable => variable.name === name));
  const isLate = ({ name }: EnvVar): boolean => name === METRICS || name === PROBERS;
  proxy.env = [...others.filter(variable => !isLate(variable)), ...known, ...others.filter(isLate)];
}
