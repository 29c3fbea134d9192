import { annotationsOf, PROXY, proxyOf } from './pod';
import type { Container, EnvVar, Pod } from './pod';
import { goJson } from './proxy-config';
import type { Data } from './typed';
import { isObject } from '../model/json';

/** Environment variable that tells the agent what the probes were. */
export const PROBERS = 'ISTIO_KUBE_APP_PROBERS';

/** Probes and hooks of a container that the agent takes over, with the path at which it does. */
const TAKEN = [
  ['readinessProbe', 'app-health', 'readyz'],
  ['livenessProbe', 'app-health', 'livez'],
  ['startupProbe', 'app-health', 'startupz'],
] as const;
const HOOKS = [['preStop', 'prestopz'], ['postStart', 'poststartz']] as const;

/**
 * Points the application's probes and hooks at the agent, which carries them out from inside the Pod: the kubelet has no certificate of the
 * mesh. What they were goes to the agent in an environment variable. Probes by `exec` stay.
 */
export function rewriteProbes(pod: Pod, meshStatusPort: number, byDefault: boolean, injectedBefore: boolean): void {
  const proxy = proxyOf(pod);
  if (proxy === undefined || !isWanted(annotationsOf(pod)['sidecar.istio.io/rewriteAppHTTPProbers'], byDefault)) return;
  const probers = originalsOf(pod, meshStatusPort);
  if (Object.keys(probers).length > 0) tell(proxy, probers, injectedBefore);
  const statusPort = Number(annotationsOf(pod)['status.sidecar.istio.io/port'] ?? meshStatusPort);
  for (const container of applicationContainers(pod)) takeOver(container, statusPort);
}

function isWanted(annotation: string | undefined, byDefault: boolean): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(annotation ?? '')) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(annotation ?? '') ? false : byDefault;
}

/** Init containers first, as the agent lists them. */
function applicationContainers(pod: Pod): readonly Container[] {
  return [...pod.spec.initContainers ?? [], ...pod.spec.containers ?? []].filter(({ name }) => name !== PROXY);
}

function originalsOf(pod: Pod, meshStatusPort: number): Record<string, Data> {
  const out: Record<string, Data> = {};
  for (const container of applicationContainers(pod)) {
    for (const [field, prefix, path] of TAKEN) {
      const original = originalOf(container[field], container, meshStatusPort, true);
      if (original !== undefined) out[`/${prefix}/${container.name}/${path}`] = original;
    }
    for (const [field, path] of HOOKS) {
      const original = originalOf(container.lifecycle?.[field], container, meshStatusPort, false);
      if (original !== undefined) out[`/app-lifecycle/${container.name}/${path}`] = original;
    }
  }
  return out;
}

/** A probe as the agent needs it: ports by number. None where the port has no number, or is the agent's own: then it was rewritten before. */
function originalOf(probe: Data | undefined, container: Container, meshStatusPort: number, isProbe: boolean): Data | undefined {
  const kind = kindOf(probe, isProbe);
  if (probe === undefined || kind === undefined) return undefined;
  const action = probe[kind] as Data;
  const timeout = isProbe && probe.timeoutSeconds !== undefined ? { timeoutSeconds: probe.timeoutSeconds } : {};
  if (kind === 'grpc') return { grpc: action, ...timeout };
  const port = typeof action.port === 'string' ? container.ports?.find(({ name }) => name === action.port)?.containerPort : action.port;
  if (port === undefined || typeof action.port !== 'string' && port === meshStatusPort) return undefined;
  return { [kind]: Object.fromEntries(Object.entries(action).map(([key, value]) => [key, key === 'port' ? port : value])), ...timeout };
}

function kindOf(probe: Data | undefined, isProbe: boolean): 'httpGet' | 'tcpSocket' | 'grpc' | undefined {
  return (isProbe ? ['httpGet', 'tcpSocket', 'grpc'] as const : ['httpGet', 'tcpSocket'] as const).find(kind => isObject(probe?.[kind]));
}

function takeOver(container: Container, statusPort: number): void {
  for (const [field, prefix, path] of TAKEN) {
    const probe = container[field];
    if (kindOf(probe, true) !== undefined) container[field] = taken(probe!, `/${prefix}/${container.name}/${path}`, statusPort);
  }
  const hooks = container.lifecycle;
  if (hooks === undefined) return;
  for (const [field, path] of HOOKS) {
    if (kindOf(hooks[field], false) !== undefined) hooks[field] = taken(hooks[field]!, `/app-lifecycle/${container.name}/${path}`, statusPort);
  }
}

/** The probe as an HTTP request to the agent, which speaks plain HTTP to the kubelet whatever it speaks to the application. */
function taken(probe: Data, path: string, port: number): Data {
  const { tcpSocket: _tcp, grpc: _grpc, httpGet, ...rest } = probe;
  const before = isObject(httpGet) ? httpGet : {};
  return { ...rest, httpGet: { ...before, path, port, ...before.scheme === 'HTTPS' && { scheme: 'HTTP' } } };
}

/** Hands the originals to the agent; on a second injection they join those of the first. */
function tell(proxy: Container, probers: Record<string, Data>, injectedBefore: boolean): void {
  const known = injectedBefore ? proxy.env?.find(({ name }) => name === PROBERS) : undefined;
  const all = known === undefined ? probers : { ...probers, ...JSON.parse(known.value ?? '{}') as Record<string, Data> };
  const variable: EnvVar = { name: PROBERS, value: goJson(Object.fromEntries(Object.keys(all).sort().map(key => [key, all[key]]))) };
  if (known === undefined) proxy.env = [...proxy.env ?? [], variable];
  else Object.assign(known, variable);
}
