import { proxyOf } from './pod';
import type { Pod } from './pod';
import { goJson } from './proxy-config';
import { MeshError } from '../model/error';
import type { Json } from '../model/json';

/** Environment variable that tells the agent where the application's metrics are. */
export const METRICS = 'ISTIO_PROMETHEUS_ANNOTATIONS';

/** Ports of the proxy and its agent, which are no metrics of an application. */
const RESERVED: Readonly<Record<string, string>> = {
  15000: 'Envoy\'s admin',
  15001: 'captured outbound traffic',
  15004: 'istiod\'s debugging',
  15006: 'captured inbound traffic',
  15008: 'the HBONE tunnel',
  15020: 'the agent\'s metrics',
  15021: 'the proxy\'s health',
  15053: 'the DNS proxy',
  15090: 'Envoy\'s metrics',
};

/** Prometheus reads `prometheus.io/port` and `prometheus_io_port` alike. */
const sanitized = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_');

/** Points Prometheus at the agent, which adds the proxy's metrics to the application's. Where those were goes to the agent in an environment variable. */
export function mergeMetrics(pod: Pod, mesh: Json, statusPort: number, where: string): void {
  const annotations = pod.metadata.annotations ??= {};
  const find = (name: string): string | undefined => Object.entries(annotations).find(([key]) => sanitized(key) === name)?.[1];
  const [scrape, port, path] = ['prometheus_io_scrape', 'prometheus_io_port', 'prometheus_io_path'].map(find);
  if (/^(0|f|F|false|FALSE|False)$/.test(scrape ?? '') || !wanted(annotations['prometheus.istio.io/merge-metrics'], mesh)) return;
  if (port === String(statusPort)) return;
  const targets = targetsOf(find('prometheus_istio_io_scrape_targets'));
  const ports = targets.length > 0 ? targets.map(target => target.port) : port === undefined || port === '' ? [] : [port];
  for (const each of ports) checkPort(each, statusPort, where);
  if (scrape !== undefined || port !== undefined || path !== undefined || targets.length > 0) {
    const configuration = {
      scrape: scrape ?? '', path: targets[0]?.path ?? path ?? '', port: targets[0]?.port ?? port ?? '', ...targets.length > 0 && { targets },
    };
    const proxy = proxyOf(pod);
    if (proxy !== undefined && (targets.length > 0 || configuration.scrape + configuration.path + configuration.port !== '')) {
      proxy.env = [...proxy.env ?? [], { name: METRICS, value: goJson(configuration) }];
    }
  }
  clearMetrics(pod);
  annotations['prometheus.io/port'] = String(statusPort);
  annotations['prometheus.io/path'] = '/stats/prometheus';
  annotations['prometheus.io/scrape'] = 'true';
}

/** Takes away the annotations that say where metrics are. */
export function clearMetrics(pod: Pod): void {
  const own = new Set(['prometheus_io_path', 'prometheus_io_port', 'prometheus_io_scrape', 'prometheus_istio_io_scrape_targets']);
  for (const name of Object.keys(pod.metadata.annotations ?? {})) {
    if (own.has(sanitized(name))) delete pod.metadata.annotations![name];
  }
}

/** Whether metrics point at the agent already. */
export function metricsAreMerged(pod: Pod, statusPort: number): boolean {
  return Object.entries(pod.metadata.annotations ?? {}).some(([name, value]) => sanitized(name) === 'prometheus_io_port' && value === String(statusPort));
}

/** Tells Prometheus of the port on which merged metrics are served over mutual TLS, where one is set. */
export function secureMetrics(pod: Pod): void {
  const annotations = pod.metadata.annotations ??= {};
  if (Object.keys(annotations).some(name => sanitized(name) === 'prometheus_istio_io_secure_port')) return;
  const port = proxyOf(pod)?.env?.find(({ name }) => name === 'ENVOY_SECURE_MERGED_METRICS_PORT')?.value;
  if (port !== undefined && port !== '' && port !== '0') annotations['prometheus.istio.io/secure-port'] = port;
}

function wanted(annotation: string | undefined, mesh: Json): boolean {
  if (annotation !== undefined) return /^(1|t|T|true|TRUE|True)$/.test(annotation);
  return mesh.enablePrometheusMerge !== false;
}

/** `PORT:PATH,…`; a list that cannot be read counts as none, as in Istio. */
function targetsOf(text: string | undefined): readonly { port: string; path: string }[] {
  const entries = (text ?? '').split(',').map(entry => entry.trim()).filter(entry => entry !== '');
  const targets = entries.map((entry) => {
    const colon = entry.indexOf(':');
    return { port: (colon < 0 ? entry : entry.slice(0, colon)).trim(), path: (colon < 0 ? '' : entry.slice(colon + 1).trim()) || '/metrics' };
  });
  return targets.some(({ port }) => port === '') ? [] : targets;
}

function checkPort(port: string, statusPort: number, where: string): void {
  const number = /^\d+$/.test(port) ? Number(port) : 0;
  const reason = number < 1 || number > 65535 ? 'a port, 1 to 65535' : number === statusPort ? 'another port than the agent\'s'
    : RESERVED[number] === undefined ? undefined : `another port than that of ${RESERVED[number]}`;
  if (reason !== undefined) {
    throw new MeshError('MESH_INJECT_ANNOTATION', `metrics of an application must be at ${reason}, got ${JSON.stringify(port)}; correct prometheus.io/port`, where);
  }
}
