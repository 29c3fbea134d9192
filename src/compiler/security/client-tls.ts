import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { exactNames, fileSource, MESH_ROOTS, RAW_BUFFER, secret, TLS_1_2_TO_1_3, tlsSocket, upstreamTls, WORKLOAD_CERTIFICATE } from './tls-context';
import { tlsDefaults } from './tls-defaults';
import type { Service, ServicePort } from '../../model/service';
import { packOnto, packOntoText } from '../../xds/any';
import { Cluster_DiscoveryType, Cluster_TransportSocketMatchSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster_TransportSocketMatch } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { UpstreamTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import type { CommonTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import * as literal from '../../xds/literals';
import { ADS_SECRETS } from '../dialect';
import type { ClientTls } from '../istio-api';
import type { DestinationRule } from '../scope/destination-rules';
import type { View } from '../view';

/** One socket for all endpoints of a cluster, or several to choose from. */
export interface Sockets {
  readonly socket?: TransportSocket;
  readonly matches: Cluster_TransportSocketMatch[];
}

/** How outbound clusters speak to their endpoints (istio-behaviour D6). */
export interface ClientTransport {
  /** @param sni - SNI of Istio's mutual TLS to the cluster */
  readonly sockets: (sni: string) => Sockets;
  /** The SNI is the request's host. */
  readonly autoSni: boolean;
  /** The certificate must name that host. */
  readonly autoSan: boolean;
}

export interface ClientTlsInput {
  readonly view: View;
  readonly service: Service;
  readonly port: ServicePort;
  /** One of those that the policy is for. */
  readonly subset: string;
  readonly rule?: DestinationRule;
  readonly tls?: ClientTls;
  readonly http2: boolean;
  readonly type: Cluster_DiscoveryType;
}

type Common = MessageInitShape<typeof CommonTlsContextSchema>;

const NO_SOCKETS: Sockets = { matches: [] };

/** Plain text, or bytes as they come. */
export const NO_TLS: ClientTransport = { sockets: () => NO_SOCKETS, autoSni: false, autoSan: false };

export function clientTransport(input: ClientTlsInput): ClientTransport {
  const { tls, view } = input;
  if (tls === undefined) return autoMtls(input);
  switch (tls.mode) {
    case 'ISTIO_MUTUAL': return always(istioMutual(input, tls));
    case 'SIMPLE': case 'MUTUAL': return originated(input, tls, view);
    default: return NO_TLS;
  }
}

const WITH_PROXY = { tlsMode: 'istio' };
const WITHOUT_PROXY = create(Cluster_TransportSocketMatchSchema, { name: 'tlsMode-disabled', match: {}, transportSocket: RAW_BUFFER });

/** No rule: mutual TLS towards endpoints that have a proxy, plain text towards the others. */
function autoMtls(input: ClientTlsInput): ClientTransport {
  const { view, service, port, type } = input;
  const { config } = view.mesh.model;
  if (!config.enableAutoMtls || service.meshExternal || view.mesh.peerAuthentications.ofNamespace(service.namespace) === 'DISABLE') return NO_TLS;
  if (service.resolution === 'passthrough' || passesThrough(input)) {
    const endpoints = view.mesh.model.endpointsOf(service, port.name);
    if (endpoints.length === 0 || endpoints.some(endpoint => endpoint.tlsMode !== 'istio')) return NO_TLS;
  }
  const socketTo = istioMutual(input, undefined);
  if (type === Cluster_DiscoveryType.ORIGINAL_DST) return always(socketTo);
  return { ...NO_TLS, sockets: sni => ({ matches: [literal.transportSocketMatch('tlsMode-istio', WITH_PROXY, socketTo(sni)), WITHOUT_PROXY] }) };
}

const always = (socketTo: (sni: string) => TransportSocket): ClientTransport => (
  { ...NO_TLS, sockets: sni => ({ socket: socketTo(sni), matches: NO_SOCKETS.matches }) });

/** Whether rule or subset say so themselves: what they say of single ports does not count here. */
function passesThrough({ rule, subset }: ClientTlsInput): boolean {
  const policy = subset === '' ? rule?.trafficPolicy : rule?.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  return policy?.loadBalancer?.simple === 'PASSTHROUGH';
}

const MUTUAL_SECRETS = [WORKLOAD_CERTIFICATE, MESH_ROOTS];

function istioMutual(input: ClientTlsInput, tls: ClientTls | undefined): (sni: string) => TransportSocket {
  const { view, service, http2 } = input;
  const given = tls?.subjectAltNames !== undefined && tls.subjectAltNames.length > 0 ? tls.subjectAltNames : undefined;
  const base = view.mesh.memo.get('istioMutual', [view.dialect.name, http2], () => toBinary(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, {
    commonTlsContext: {
      tlsParams: TLS_1_2_TO_1_3,
      tlsCertificateSdsSecretConfigs: [secret(WORKLOAD_CERTIFICATE, view.dialect.workloadSecrets)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: { defaultValidationContext: {}, validationContextSdsSecretConfig: secret(MESH_ROOTS, view.dialect.workloadSecrets) },
      },
      alpnProtocols: ['istio-peer-exchange', 'istio', ...(http2 ? ['h2'] : [])],
    },
  })));
  const withNames = (names: readonly string[]): Uint8Array => (names.length === 0 ? base : packOnto(UpstreamTlsContextSchema, base, {
    commonTlsContext: {
      validationContextType: { case: 'combinedValidationContext', value: { defaultValidationContext: { matchSubjectAltNames: exactNames(names) } } },
    },
  }).value);
  // Many services are of one identity, and their clusters differ by SNI only.
  const names = given ?? view.mesh.identitiesOf(service);
  const context = view.mesh.memo.get('istioMutualTo', [view.dialect.name, http2, ...names], () => withNames(names));
  const own = tls?.sni !== undefined && tls.sni !== '' ? tls.sni : undefined;
  return sni => tlsSocket(packOntoText(UpstreamTlsContextSchema, context, UpstreamTlsContextSchema.field.sni, own ?? sni), MUTUAL_SECRETS);
}

/** TLS that the proxy begins itself, towards a server that is not of the mesh. */
function originated(input: ClientTlsInput, tls: ClientTls, view: View): ClientTransport {
  const { service, rule, http2 } = input;
  const credential = present(tls.credentialName) ? tls.credentialName : undefined;
  // Every sidecar the rule reaches would wait for a Secret that it may not read; a ConfigMap is open to all.
  const refused = credential !== undefined && !credential.startsWith('configmap://');
  if (refused && view.proxy.type === 'sidecar' && rule?.selector === undefined) return NO_TLS;
  const files = fileSource(view.dialect.workloadSecrets);
  const own = tls.subjectAltNames ?? [];
  const given = own.length > 0 || service.registry !== 'External' ? own : view.mesh.identitiesOf(service);
  const insecure = tls.insecureSkipVerify === true;
  const { cipherSuites, ecdhCurves } = tlsDefaults(view.mesh, 'tlsDefaults');
  const autoSni = !present(tls.sni);
  const automatic = { autoSni, autoSan: autoSni && own.length === 0 && !insecure };
  const common: Common = { tlsParams: { ...TLS_1_2_TO_1_3, cipherSuites, ecdhCurves }, alpnProtocols: http2 ? ['h2'] : [] };

  if (tls.mode === 'MUTUAL') {
    const certificate = credential !== undefined ? secret(credentialName(credential), ADS_SECRETS)
      : present(tls.clientCertificate) && present(tls.privateKey)
        ? secret(`file-cert:${tls.clientCertificate}~${tls.privateKey}`, files) : undefined;
    if (certificate === undefined) return { ...NO_TLS, ...automatic };
    common.tlsCertificateSdsSecretConfigs = [certificate];
  }
  const roots = credential !== undefined ? secret(credentialName(`${credential}-cacert`), ADS_SECRETS)
    : secret(`file-root:${present(tls.caCertificates) ? tls.caCertificates : 'system'}`, files);
  // With a Secret its own list comes.
  const revoked = credential === undefined && present(tls.caCrl) ? { specifier: { case: 'filename' as const, value: tls.caCrl } } : undefined;
  common.validationContextType = insecure
    ? credential === undefined ? { case: 'validationContext', value: {} } : undefined
    : {
      case: 'combinedValidationContext',
      value: { defaultValidationContext: { matchSubjectAltNames: exactNames(given), crl: revoked }, validationContextSdsSecretConfig: roots },
    };
  const sockets: Sockets = { matches: [], socket: upstreamTls({ commonTlsContext: common, sni: tls.sni ?? '' }) };
  return { ...automatic, sockets: () => sockets };
}

/** Under what name a credential is asked for: what says itself where it lies keeps its name, all else is a Secret. */
function credentialName(name: string): string {
  if (name.startsWith('builtin://')) return WORKLOAD_CERTIFICATE;
  return /^(configmap|kubernetes|kubernetes-gateway):\/\//.test(name) ? name : `kubernetes://${name.replace(/^sds:\/\//, '')}`;
}

const present = (text: string | undefined): text is string => text !== undefined && text !== '';
