import { captureAnnotations, captureContainer, PROXY_ID, seccompProfile } from './capture';
import { annotation, holdsApplication, image, interceptionMode, isNative, proxyMetadata } from './context';
import type { Context } from './context';
import { sidecarEnv } from './env';
import { canonicalLabels, commonAnnotations } from './naming';
import { labelsOf, PROXY } from './pod';
import type { Container } from './pod';
import { proxyResources } from './resources';
import type { Data } from './typed';
import { volumeMounts, volumes } from './volumes';
import { objectOf, textOf } from '../model/json';

/** What Istio's template `sidecar` lays over a Pod. */
export function sidecarTemplate(context: Context): Data {
  const native = isNative(context);
  const labels = labelsOf(context.pod);
  const canonical = canonicalLabels(context);
  const tunnels = new Map(proxyMetadata(context)).get('ISTIO_META_ENABLE_HBONE') === 'true';
  const capture = interceptionMode(context) === 'NONE' ? [] : [captureContainer(context)];
  const proxy = proxyContainer(context, native);
  const secrets = context.values.global.imagePullSecrets;
  return {
    metadata: {
      labels: {
        'security.istio.io/tlsMode': labels['security.istio.io/tlsMode'] || 'istio',
        ...(tunnels && { 'networking.istio.io/tunnel': labels['networking.istio.io/tunnel'] || 'http' }),
        ...canonical,
        'service.istio.io/canonical-name': canonical['service.istio.io/canonical-name'].slice(0, 63).replace(/^[-_.]+|[-_.]+$/g, ''),
      },
      annotations: { ...commonAnnotations(context), ...captureAnnotations(context) },
    },
    spec: {
      initContainers: native ? [...capture, proxy] : capture,
      ...(!native && { containers: [proxy] }),
      volumes: volumes(context, 'sidecar'),
      ...(secrets.length > 0 && { imagePullSecrets: secrets.map(name => ({ name })) }),
    },
  };
}

function proxyContainer(context: Context, native: boolean): Container {
  const { global } = context.values;
  return {
    name: PROXY,
    image: image(context, global.proxy.image, textOf(objectOf(context.proxyConfig.image).imageType)),
    ...(native && { restartPolicy: 'Always' }),
    ports: [{ containerPort: 15090, protocol: 'TCP', name: 'http-envoy-prom' }],
    args: [
      'proxy', 'sidecar', '--domain', `$(POD_NAMESPACE).svc.${global.proxy.clusterDomain}`,
      ...logArguments(context),
      ...(global.proxy.outlierLogPath === '' ? [] : [`--outlierLogPath=${global.proxy.outlierLogPath}`]),
    ],
    ...lifecycle(context, native),
    env: sidecarEnv(context),
    ...(global.imagePullPolicy !== '' && { imagePullPolicy: global.imagePullPolicy }),
    ...probes(context),
    securityContext: securityContext(context),
    resources: proxyResources(context.pod, context.values),
    volumeMounts: volumeMounts(context, 'sidecar'),
  };
}

/** Log levels, and what else both templates tell the agent. */
export function logArguments(context: Context): string[] {
  const { global } = context.values;
  return [
    `--proxyLogLevel=${annotation(context, 'sidecar.istio.io/logLevel', global.proxy.logLevel)}`,
    `--proxyComponentLogLevel=${annotation(context, 'sidecar.istio.io/componentLogLevel', global.proxy.componentLogLevel)}`,
    `--log_output_level=${annotation(context, 'sidecar.istio.io/agentLogLevel', global.logging.level)}`,
    ...(global.sts.servicePort ? [`--stsPort=${global.sts.servicePort}`] : []),
    ...(global.logAsJson ? ['--log_as_json'] : []),
  ];
}

function lifecycle(context: Context, native: boolean): Data {
  const { proxy } = context.values.global;
  if (Object.keys(proxy.lifecycle).length > 0) return { lifecycle: proxy.lifecycle };
  if (native) {
    // The signal comes after the applications have ended; draining begins before.
    const port = annotation(context, 'status.sidecar.istio.io/port', proxy.statusPort);
    return { lifecycle: { preStop: { exec: { command: ['pilot-agent', 'request', `--debug-port=${port}`, 'POST', 'drain'] } } } };
  }
  return holdsApplication(context) ? { lifecycle: { postStart: { exec: { command: ['pilot-agent', 'wait'] } } } } : {};
}

function probes(context: Context): Data {
  const { proxy } = context.values.global;
  if (annotation(context, 'status.sidecar.istio.io/port', proxy.statusPort) === '0') return {};
  const startup = { httpGet: { path: '/healthz/ready', port: 15021 }, periodSeconds: 1, timeoutSeconds: 3, failureThreshold: proxy.startupProbe.failureThreshold };
  return { ...(proxy.startupProbe.enabled && { startupProbe: startup }), readinessProbe: statusProbe(context, 15021) };
}

/** When the Pod is ready, as its annotations say. */
export function statusProbe(context: Context, port: number): Data {
  const { proxy } = context.values.global;
  const number = (name: string, otherwise: number): number => Number(annotation(context, `readiness.status.sidecar.istio.io/${name}`, otherwise));
  return {
    httpGet: { path: '/healthz/ready', port },
    initialDelaySeconds: number('initialDelaySeconds', proxy.readinessInitialDelaySeconds),
    periodSeconds: number('periodSeconds', proxy.readinessPeriodSeconds),
    timeoutSeconds: 3,
    failureThreshold: number('failureThreshold', proxy.readinessFailureThreshold),
  };
}

function securityContext(context: Context): Data {
  const { proxy } = context.values.global;
  const tproxy = interceptionMode(context) === 'TPROXY';
  const bindsLowPorts = annotation(context, 'sidecar.istio.io/capNetBindService', proxy.capNetBindService) === 'true';
  // Tracing of iptables rules reads the kernel's log.
  const traces = new Map(proxyMetadata(context)).get('IPTABLES_TRACE_LOGGING') === 'true';
  const root = tproxy || bindsLowPorts;
  const added = traces ? ['NET_ADMIN'] : [...(tproxy ? ['NET_ADMIN'] : []), ...(bindsLowPorts ? ['NET_BIND_SERVICE'] : [])];
  return {
    allowPrivilegeEscalation: traces || proxy.privileged,
    capabilities: { ...(added.length > 0 && { add: added }), drop: ['ALL'] },
    privileged: traces || proxy.privileged,
    readOnlyRootFilesystem: true,
    runAsGroup: PROXY_ID,
    runAsNonRoot: !traces && !root,
    runAsUser: traces || root ? 0 : PROXY_ID,
    ...seccompProfile(context),
  };
}
