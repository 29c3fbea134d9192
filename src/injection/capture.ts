import { annotation, image, interceptionMode, proxyMetadata } from './context';
import type { Context } from './context';
import { annotationsOf, INIT, VALIDATION } from './pod';
import type { Container } from './pod';
import { proxyResources } from './resources';
import type { Data } from './typed';

/** Ids under which the proxy runs; traffic of this user is not captured. */
export const PROXY_ID = 1337;

/** The init container that redirects the Pod's traffic to the proxy, or, with Istio's CNI plugin, checks that this has been done. */
export function captureContainer(context: Context): Container {
  const { global, pilot } = context.values;
  const cni = pilot.cni.enabled;
  const metadata = proxyMetadata(context).map(([name, value]) => ({ name, value }));
  return {
    name: cni ? VALIDATION : INIT,
    image: image(context, global.proxy_init.image),
    args: captureArguments(context),
    ...(global.imagePullPolicy !== '' && { imagePullPolicy: global.imagePullPolicy }),
    ...(metadata.length > 0 && { env: metadata }),
    resources: proxyResources(context.pod, context.values),
    securityContext: {
      allowPrivilegeEscalation: global.proxy.privileged,
      privileged: global.proxy.privileged,
      capabilities: { ...!cni && { add: ['NET_ADMIN', 'NET_RAW'] }, drop: ['ALL'] },
      readOnlyRootFilesystem: cni,
      runAsGroup: cni ? PROXY_ID : 0,
      runAsNonRoot: cni,
      runAsUser: cni ? PROXY_ID : 0,
      ...seccompProfile(context),
    },
  };
}

export function seccompProfile({ values }: Context): Data {
  const profile = values.global.proxy.seccompProfile;
  return Object.keys(profile).length > 0 ? { seccompProfile: profile } : {};
}

function captureArguments(context: Context): string[] {
  const { global, pilot } = context.values;
  const { proxy } = global;
  const given = annotationsOf(context.pod);
  const excluded = excludedInboundPorts(context);
  const interfaces = given['istio.io/reroute-virtual-interfaces'] ?? given['traffic.sidecar.istio.io/kubevirtInterfaces'];
  const excludedInterfaces = given['traffic.sidecar.istio.io/excludeInterfaces'];
  const outbound = (flag: string, name: string, configured: string): string[] =>
    (given[name] !== undefined || (configured ?? '') !== '' ? [flag, annotation(context, name, configured)] : []);
  return [
    'istio-iptables',
    '-p', String(context.mesh.proxyListenPort || 15001),
    '-z', String(context.mesh.proxyInboundListenPort || 15006),
    '-u', String(PROXY_ID),
    '-m', interceptionMode(context),
    '-i', annotation(context, 'traffic.sidecar.istio.io/includeOutboundIPRanges', proxy.includeIPRanges),
    '-x', annotation(context, 'traffic.sidecar.istio.io/excludeOutboundIPRanges', proxy.excludeIPRanges),
    '-b', annotation(context, 'traffic.sidecar.istio.io/includeInboundPorts', proxy.includeInboundPorts),
    '-d', ['15090', '15021', ...(excluded === '' ? [] : [excluded])].join(','),
    ...outbound('-q', 'traffic.sidecar.istio.io/includeOutboundPorts', proxy.includeOutboundPorts),
    ...outbound('-o', 'traffic.sidecar.istio.io/excludeOutboundPorts', proxy.excludeOutboundPorts),
    ...(interfaces === undefined ? [] : ['-k', interfaces]),
    ...(excludedInterfaces === undefined ? [] : ['-c', excludedInterfaces]),
    `--log_output_level=${annotation(context, 'sidecar.istio.io/agentLogLevel', global.logging.level)}`,
    ...(global.logAsJson ? ['--log_as_json'] : []),
    ...(pilot.cni.enabled ? ['--run-validation', '--skip-rule-apply'] : global.proxy_init.forceApplyIptables ? ['--force-apply'] : []),
    ...(global.nativeNftables ? ['--native-nftables'] : []),
  ];
}

/** Inbound ports that are not captured, with the port of the agent among them. */
function excludedInboundPorts(context: Context): string {
  const status = annotation(context, 'status.sidecar.istio.io/port', context.values.global.proxy.statusPort).trim();
  const configured = annotation(context, 'traffic.sidecar.istio.io/excludeInboundPorts', context.values.global.proxy.excludeInboundPorts);
  const ports = configured.split(',');
  if (status === '' || status === '0' || ports.includes(status)) return configured;
  return [...ports.map(port => port.trim()).filter(port => port !== ''), status].join(',');
}

/** With the CNI plugin the Pod's annotations tell it what the arguments of the init container would say. */
export function captureAnnotations(context: Context): Record<string, string> {
  const { pilot, global: { proxy } } = context.values;
  if (!pilot.cni.enabled) return {};
  const given = annotationsOf(context.pod);
  const out: Record<string, string> = {};
  const set = (name: string, value: string, always = true): void => {
    if (always || value !== '') out[name] = value;
  };
  if (pilot.cni.provider === 'multus') set('k8s.v1.cni.cncf.io/networks', withNetwork(given['k8s.v1.cni.cncf.io/networks'] ?? '', 'default', 'istio-cni'));
  set('sidecar.istio.io/interceptionMode', interceptionMode(context));
  const traffic = (name: string): string => `traffic.sidecar.istio.io/${name}`;
  set(traffic('includeOutboundIPRanges'), annotation(context, traffic('includeOutboundIPRanges'), proxy.includeIPRanges), false);
  set(traffic('excludeOutboundIPRanges'), annotation(context, traffic('excludeOutboundIPRanges'), proxy.excludeIPRanges), false);
  set(traffic('includeInboundPorts'), annotation(context, traffic('includeInboundPorts'), proxy.includeInboundPorts));
  set(traffic('excludeInboundPorts'), excludedInboundPorts(context));
  for (const [name, configured] of [['includeOutboundPorts', proxy.includeOutboundPorts], ['excludeOutboundPorts', proxy.excludeOutboundPorts]] as const) {
    if (given[traffic(name)] !== undefined || (configured ?? '') !== '') set(traffic(name), annotation(context, traffic(name), configured));
  }
  for (const name of [traffic('kubevirtInterfaces'), 'istio.io/reroute-virtual-interfaces', traffic('excludeInterfaces')]) set(name, given[name] ?? '', false);
  return out;
}

/** Adds a network to what Multus reads: a JSON list, or names separated by commas. */
function withNetwork(existing: string, namespace: string, name: string): string {
  if (existing === '') return `${namespace}/${name}`;
  const end = existing.lastIndexOf(']');
  if (end < 0) return existing.split(',').some(each => each.trim() === `${namespace}/${name}`) ? existing : `${existing}, ${namespace}/${name}`;
  let networks: unknown;
  try {
    networks = JSON.parse(existing);
  } catch {
    return existing;
  }
  const known = Array.isArray(networks) && networks.some((network: Data) => network.name === name && (network.namespace ?? '') === namespace);
  return known ? existing : `${existing.slice(0, end)}, {"name": "${name}", "namespace": "${namespace}"}${existing.slice(end)}`;
}
