import { annotation, interceptionMode, proxyMetadata, trustDomain } from './context';
import type { Context } from './context';
import { annotationsOf, applicationOf, labelsOf } from './pod';
import type { EnvVar } from './pod';
import { goJson, proxyConfigJson } from './proxy-config';
import { isObject, objectOf, objectsOf, textOf } from '../model/json';

/** Environment of a sidecar's proxy. */
export function sidecarEnv(context: Context): EnvVar[] {
  return [
    ...localhost(context),
    ...identity(context),
    { name: 'PROXY_CONFIG', value: `${proxyConfigJson(context.proxyConfig)}\n` },
    { name: 'ISTIO_META_POD_PORTS', value: podPorts(context) },
    { name: 'ISTIO_META_APP_CONTAINERS', value: applicationOf(context.pod).map(({ name }) => name).join(',') },
    memoryLimit(),
    ...place(context, interceptionMode(context)),
    ...workload(context, labelsOf(context.pod)['service.istio.io/workload-name'] || context.owner.name),
    ...bootstrapOverride(context),
    ...trust(context),
    ...(context.values.global.proxy.tracer === 'datadog' ? datadog(context) : []),
    ...openTelemetryAttributes(context),
    ...proxyMetadata(context).map(([name, value]) => ({ name, value })),
  ];
}

/** Environment of a gateway's proxy: the same in another order, without what concerns an application beside it. */
export function gatewayEnv(context: Context): EnvVar[] {
  return [
    ...identity(context),
    { name: 'PROXY_CONFIG', value: `${proxyConfigJson(context.proxyConfig)}\n` },
    { name: 'ISTIO_META_POD_PORTS', value: podPorts(context) },
    memoryLimit(),
    { name: 'ISTIO_META_APP_CONTAINERS', value: applicationOf(context.pod).map(({ name }) => name).join(',') },
    ...place(context, textOf(context.proxyConfig.interceptionMode) ?? 'REDIRECT'),
    ...workload(context, context.owner.name),
    ...bootstrapOverride(context),
    ...trust(context),
    ...proxyMetadata(context).map(([name, value]) => ({ name, value })),
  ];
}

/** Environment of an agent without Envoy, up to ProxyConfig's own. */
export function grpcAgentEnv(context: Context): EnvVar[] {
  return [
    { name: 'ISTIO_META_GENERATOR', value: 'grpc' },
    { name: 'OUTPUT_CERTS', value: '/var/lib/istio/data' },
    ...localhost(context),
    ...identity(context).filter(({ name }) => name !== 'ISTIO_CPU_LIMIT'),
    { name: 'PROXY_CONFIG', value: `${proxyConfigJson(context.proxyConfig)}\n` },
    { name: 'ISTIO_META_POD_PORTS', value: podPorts(context) },
    { name: 'ISTIO_META_APP_CONTAINERS', value: applicationOf(context.pod).map(({ name }) => name).join(',') },
    ...place(context, '').filter(({ name }) => name !== 'ISTIO_META_INTERCEPTION_MODE'),
    ...workload(context, context.owner.name),
    ...trust(context),
  ];
}

/** Whether probes reach an application that listens on localhost alone. */
function localhost({ mesh }: Context): EnvVar[] {
  return objectOf(mesh.inboundTrafficPolicy).mode === 'LOCALHOST' ? [{ name: 'REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION', value: 'true' }] : [];
}

function identity({ values }: Context): EnvVar[] {
  const { global, revision } = values;
  return [
    { name: 'PILOT_CERT_PROVIDER', value: global.pilotCertProvider },
    { name: 'CA_ADDR', value: global.caAddress || `istiod${revision === '' ? '' : `-${revision}`}.${global.istioNamespace}.svc:15012` },
    fromField('POD_NAME', 'metadata.name'),
    fromField('POD_NAMESPACE', 'metadata.namespace'),
    fromField('INSTANCE_IP', 'status.podIP'),
    fromField('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    fromField('HOST_IP', 'status.hostIP'),
    { name: 'ISTIO_CPU_LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1' } } },
  ];
}

function memoryLimit(): EnvVar {
  return { name: 'GOMEMLIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1' } } };
}

function place({ values }: Context, mode: string): EnvVar[] {
  return [
    { name: 'ISTIO_META_CLUSTER_ID', value: values.global.multiCluster.clusterName || 'Kubernetes' },
    fromField('ISTIO_META_NODE_NAME', 'spec.nodeName'),
    { name: 'ISTIO_META_INTERCEPTION_MODE', value: mode },
    ...(values.global.network === '' ? [] : [{ name: 'ISTIO_META_NETWORK', value: values.global.network }]),
  ];
}

function workload({ owner }: Context, name: string): EnvVar[] {
  const namespace = owner.namespace || 'default';
  return [
    ...(name === '' ? [] : [{ name: 'ISTIO_META_WORKLOAD_NAME', value: name }]),
    ...(owner.apiVersion === '' || owner.name === '' ? [] : [{
      name: 'ISTIO_META_OWNER', value: `kubernetes://apis/${owner.apiVersion}/namespaces/${namespace}/${owner.kind.toLowerCase()}s/${owner.name}`,
    }]),
  ];
}

function bootstrapOverride({ pod }: Context): EnvVar[] {
  return annotationsOf(pod)['sidecar.istio.io/bootstrapOverride'] === undefined ? []
    : [{ name: 'ISTIO_BOOTSTRAP_OVERRIDE', value: '/etc/istio/custom-bootstrap/custom_bootstrap.json' }];
}

function trust(context: Context): EnvVar[] {
  const domain = trustDomain(context);
  const meshId = context.values.global.meshID || domain;
  return [...(meshId === '' ? [] : [{ name: 'ISTIO_META_MESH_ID', value: meshId }]), ...(domain === '' ? [] : [{ name: 'TRUST_DOMAIN', value: domain }])];
}

/** Environment that Datadog's users give by an annotation. */
function datadog(context: Context): EnvVar[] {
  const given = annotation(context, 'apm.datadoghq.com/env', '{}');
  let read: unknown;
  try {
    read = JSON.parse(given);
  } catch {
    return [];
  }
  return isObject(read) ? Object.keys(read).sort().map(name => ({ name, value: textOf(read[name]) ?? '' })) : [];
}

/** The service's attributes by OpenTelemetry's conventions, where a tracing provider of the mesh is told to use them. */
function openTelemetryAttributes({ mesh, pod, owner }: Context): EnvVar[] {
  const enriched = objectsOf(mesh.extensionProviders).some(({ opentelemetry }) => objectOf(opentelemetry).serviceAttributeEnrichment === 'OTEL_SEMANTIC_CONVENTIONS');
  if (!enriched) return [];
  const containers = pod.spec.containers ?? [];
  const given = (name: string): string | undefined => annotationsOf(pod)[`resource.opentelemetry.io/${name}`] || undefined;
  const version = labelsOf(pod)['app.kubernetes.io/version'] || (containers.length === 1 ? imageVersion(containers[0].image ?? '') : '');
  // The name of the Pod is known only to Kubernetes.
  const instance = containers.length > 0 ? `${owner.namespace}.$(POD_NAME).${containers[0].name}` : '';
  const attributes = [['service.namespace', owner.namespace], ['service.version', version], ['service.instance.id', instance]]
    .map(([name, otherwise]) => [name, given(name) ?? otherwise]).filter(([, value]) => value !== '');
  return attributes.length === 0 ? [] : [{ name: 'OTEL_RESOURCE_ATTRIBUTES', value: attributes.map(([name, value]) => `${name}=${value}`).join(',') }];
}

/** Tag and digest of an image. */
function imageVersion(image: string): string {
  const [name, digest] = image.split('@');
  const tag = /:([^:/]*)$/.exec(name)?.[1] ?? '';
  return [tag, digest ?? ''].filter(part => part !== '').join('@');
}

/** Ports of all containers, as the agent reads them: a JSON list, one port a line. */
function podPorts({ pod }: Context): string {
  const ports = (pod.spec.containers ?? []).flatMap(container => container.ports ?? []);
  return ['[', ...ports.map((port, index) => `    ${index === 0 ? '' : ','}${goJson(port)}`), ']'].join('\n');
}

function fromField(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
