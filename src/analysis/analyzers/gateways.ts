import { isGatewaySelector } from './policies';
import type { GatewaySpec, Server } from '../../compiler/istio-api';
import { objectOf } from '../../model/json';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import type { Workload } from '../../model/service';
import type { Path } from '../finding';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';

type Gateway = Resource<GatewaySpec>;

/** The server that took a host first. */
interface Claim { readonly gateway: Gateway; readonly index: number; readonly path: Path; told: boolean }

/** Gateways against their Pods, their Secrets and each other. */
export function gatewayAnalysis(context: Context): void {
  const claimed = new Map<string, Claim>();
  const certificates = new Map<string, Place[]>();
  for (const gateway of context.sound<GatewaySpec>('Gateway')) {
    const pods = context.index.gatewayWorkloads(gateway as unknown as Resource);
    selected(context, gateway, pods);
    const pool = selectorText(gateway);
    gateway.spec?.servers?.forEach((server, index) => {
      const path = ['spec', 'servers', index];
      if (server.port?.number === undefined) return;
      if (pods.length > 0) reachable(context, gateway, server, pods, path);
      conflicts(context, claimed, gateway, server, index, pool);
      noteCertificate(certificates, gateway, server, index);
      secret(context, gateway, server, pods, path);
    });
  }
  sharedCertificates(context, certificates);
}

const selectorText = ({ spec }: Gateway): string => Object.entries(spec?.selector ?? {}).sort().map(([key, value]) => `${key}=${value}`).join(',');

/** IST0101. Gateways of an installation may be deployed apart from what uses them. */
function selected(context: Context, gateway: Gateway, pods: readonly Workload[]): void {
  const selector = gateway.spec?.selector ?? {};
  if (pods.length > 0 || Object.keys(selector).length === 0 || isGatewaySelector(selector) || context.model.workloads.length === 0) return;
  const gateways = context.model.workloads.filter(workload => workload.gateway).map(({ labels }) => labels.istio);
  const known = [...new Set(gateways)].filter(label => label !== undefined);
  context.report(gateway, ['spec', 'selector'], {
    code: 'MESH_SELECTOR_UNMATCHED',
    istioCode: 'IST0101',
    message: `a Gateway is served by the Pods that its selector takes, got none for ${selectorText(gateway)}`,
    repair: known.length > 0 ? `did you mean istio: ${known.sort().join(' or istio: ')}?` : 'write istio: ingressgateway, or deploy Pods with those labels',
  });
}

/** IST0162: a port that no Service opens. */
function reachable(context: Context, gateway: Gateway, server: Server, pods: readonly Workload[], path: Path): void {
  const targets = pods.flatMap(pod => context.model.targetsOf(pod)).filter(({ port }) => port.protocol !== 'UDP');
  const { number } = server.port;
  if (targets.length === 0 || targets.some(({ port, targetPort }) => port.number === number || targetPort === number)) return;
  const open = [...new Set(targets.map(({ port }) => port.number))].sort((a, b) => a - b);
  context.report(gateway, [...path, 'port', 'number'], doubtful('MESH_PORT_UNKNOWN',
    `the Service of the gateway ${selectorText(gateway)} opens ${open.join(', ')}, got ${number}; nobody outside reaches it`, 'add the port to that Service, or use one of these', 'IST0162'));
}

type Place = Pick<Claim, 'gateway' | 'path'>;

/** Tells both sides of a conflict, each with the other; the first of all once. */
function both(first: Claim, second: Place, tell: (here: Place, other: Gateway) => void): void {
  tell(second, first.gateway);
  if (!first.told) tell(first, second.gateway);
  first.told = true;
}

/** IST0145: two Gateways that take the same host on the same port of the same Pods. */
function conflicts(context: Context, claimed: Map<string, Claim>, gateway: Gateway, server: Server, index: number, pool: string): void {
  (server.hosts ?? []).forEach((host, number) => {
    const key = JSON.stringify([pool, server.port.number, server.bind ?? '', host.split('/').pop()]);
    const first = claimed.get(key);
    const path = ['spec', 'servers', index, 'hosts', number];
    if (first === undefined) return void claimed.set(key, { gateway, index, path, told: false });
    if (first.gateway === gateway) return;
    const severity = plainHttp(server) && plainHttp(first.gateway.spec.servers![first.index]) ? 'warning' : 'error';
    both(first, { gateway, path }, (here, other) => context.report(here.gateway, here.path, {
      code: 'MESH_GATEWAY_CONFLICT',
      istioCode: 'IST0145',
      severity,
      message: `one Gateway takes a host on a port, got ${host} on ${server.port.number} here and in ${resourceName(other)}, both for ${pool || 'every gateway'}`,
      repair: 'keep the host in one of them',
    }));
  });
}

const plainHttp = (server: Server | undefined): boolean => ['HTTP', 'HTTP2', 'GRPC'].includes(server?.port.protocol.toUpperCase() ?? '');

function noteCertificate(certificates: Map<string, Place[]>, gateway: Gateway, { tls }: Server, index: number): void {
  const certificate = tls?.credentialName ?? (tls?.serverCertificate === undefined ? undefined : `${tls.serverCertificate} ${tls.privateKey ?? ''}`);
  if (certificate === undefined || certificate === '') return;
  const place = { gateway, path: ['spec', 'servers', index, 'tls'] };
  const places = certificates.get(certificate);
  if (places === undefined) certificates.set(certificate, [place]);
  else places.push(place);
}

/** IST0138: browsers reuse a connection for every host of its certificate, and then meet the wrong Gateway. One that selects more narrowly may share its Pods. */
function sharedCertificates(context: Context, certificates: ReadonlyMap<string, readonly Place[]>): void {
  for (const [certificate, places] of certificates) {
    for (const { gateway, path } of places) {
      const own = Object.entries(gateway.spec.selector ?? {});
      const other = places.find(each => each.gateway !== gateway && own.every(([key, value]) => each.gateway.spec.selector?.[key] === value));
      if (other === undefined) continue;
      context.report(gateway, path, doubtful('MESH_CERTIFICATE_SHARED',
        `Gateways with one certificate share connections of HTTP/2, got ${certificate} here and in ${resourceName(other.gateway)}; requests for one meet the other and get 404`,
        'put their hosts into one Gateway, or use a certificate for each', 'IST0138'));
    }
  }
}

/** IST0101, IST0161: the Secret of a server, where the input has Secrets in the namespace of its Pods. */
function secret(context: Context, gateway: Gateway, { tls }: Server, pods: readonly Workload[], path: Path): void {
  const name = tls?.credentialName ?? '';
  if (name === '' || name.includes('://')) return;
  const { namespace } = pods[0] ?? gateway.metadata;
  const secrets = context.model.of('Secret').filter(({ metadata }) => metadata.namespace === namespace);
  const found = secrets.find(({ metadata }) => metadata.name === name);
  if (found === undefined) {
    if (pods.length === 0 || secrets.length === 0) return;
    return context.report(gateway, [...path, 'tls', 'credentialName'], {
      code: 'MESH_SECRET_MISSING',
      istioCode: 'IST0101',
      // Secrets are often made by others than who writes the rest.
      severity: 'warning',
      message: `credentialName is a Secret in the namespace of the gateway's Pods, got ${name}, which ${namespace} does not have`,
      repair: `create it in ${namespace}`,
    });
  }
  const data = { ...objectOf(found.document.data), ...objectOf(found.document.stringData) };
  const absent = [['tls.crt', 'cert'], ['tls.key', 'key']].filter(keys => !keys.some(key => typeof data[key] === 'string' && data[key] !== ''));
  if (absent.length === 0) return;
  context.report(gateway, [...path, 'tls', 'credentialName'], {
    code: 'MESH_SECRET_INVALID',
    istioCode: 'IST0161',
    message: `the Secret ${namespace}/${name} has tls.crt and tls.key, got no ${absent.map(([key]) => key).join(', ')}`,
    repair: 'create it with kubectl create secret tls',
  });
}
