import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { numberOf, objectOf, objectsOf, textOf } from '../../model/json';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ApiConfigSource_ApiType, ApiVersion, ConfigSourceSchema } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import type { ConfigSource } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import { CertificateValidationContext_TrustChainVerification as TrustChainVerification, TlsParameters_TlsProtocol, TlsParametersSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { CertificateValidationContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { SdsSecretConfig } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { CommonTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { ADS_SECRETS } from '../dialect';
import type { ServerTls } from '../istio-api';
import { clusterOfProvider } from '../security/provider-cluster';
import { ALPN_HTTP, ALPN_TCP, downstreamTls, exactNames, fileSource, MESH_ROOTS, secret, WORKLOAD_CERTIFICATE } from '../security/tls-context';
import { tlsDefaults, tlsVersion } from '../security/tls-defaults';
import type { TlsDefaults } from '../security/tls-defaults';
import type { View } from '../view';

/** TLS that a gateway's server terminates (istio-behaviour F5). */
export function serverTls(view: View, tls: ServerTls, https: boolean): TransportSocket {
  const mutual = tls.mode === 'ISTIO_MUTUAL';
  const { certificates, roots, checks } = mutual || credentialsOf(tls).length === 0 ? fromFiles(view, tls) : fromSecrets(view, tls);
  const common: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams: mutual ? undefined : parameters(tls, tlsDefaults(view.mesh, 'tlsDefaults')),
    tlsCertificateSdsSecretConfigs: certificates,
    alpnProtocols: mutual && !https ? ALPN_TCP : ALPN_HTTP,
  };
  if (roots !== undefined) {
    common.validationContextType = {
      case: 'combinedValidationContext', value: { defaultValidationContext: checks, validationContextSdsSecretConfig: roots },
    };
  } else if (checks !== undefined) {
    common.validationContextType = { case: 'validationContext', value: checks };
  }
  return downstreamTls({ commonTlsContext: common, requireClientCertificate: tls.mode === 'MUTUAL' || mutual });
}

interface Secrets {
  readonly certificates: SdsSecretConfig[];
  /** What a client's certificate must descend from, where it is looked at. */
  readonly roots?: SdsSecretConfig;
  readonly checks?: MessageInitShape<typeof CertificateValidationContextSchema>;
}

/** Certificates of the proxy's own file system, or the one it has as a workload. */
function fromFiles(view: View, tls: ServerTls): Secrets {
  const { metadata } = view.proxy;
  const mutual = tls.mode === 'ISTIO_MUTUAL';
  const own = mutual ? { serverCertificate: textOf(metadata.TLS_SERVER_CERT_CHAIN), privateKey: textOf(metadata.TLS_SERVER_KEY) } : tls;
  const listed = mutual || tls.tlsCertificates === undefined || tls.tlsCertificates.length === 0 ? [own] : tls.tlsCertificates;
  const file = mutual ? textOf(metadata.TLS_SERVER_ROOT_CERT) : tls.caCertificates;
  const { workloadSecrets } = view.dialect;
  const fileOr = (name: string | undefined, fallback: string): SdsSecretConfig => (
    name === undefined ? secret(fallback, workloadSecrets) : secret(name, fileSource(workloadSecrets)));
  return {
    certificates: listed.map(({ serverCertificate, privateKey }) => (
      fileOr(serverCertificate && privateKey ? `file-cert:${serverCertificate}~${privateKey}` : undefined, WORKLOAD_CERTIFICATE))),
    ...(tls.mode === 'SIMPLE' ? {} : {
      roots: fileOr(file ? `file-root:${file}` : undefined, MESH_ROOTS),
      checks: {
        matchSubjectAltNames: exactNames(tls.subjectAltNames ?? []),
        crl: tls.caCrl ? { specifier: { case: 'filename', value: tls.caCrl } } : undefined,
        trustChainVerification: untrusted(tls),
      },
    }),
  };
}

/** Certificates of Secrets, or whoever else keeps credentials by name. */
function fromSecrets(view: View, tls: ServerTls): Secrets {
  const names = credentialsOf(tls);
  const certificates = names.flatMap(name => credential(view, name) ?? []);
  const matchSubjectAltNames = exactNames(tls.subjectAltNames ?? []);
  if (tls.mode === 'SIMPLE') return { certificates, checks: matchSubjectAltNames.length === 0 ? undefined : { matchSubjectAltNames } };
  return {
    certificates,
    roots: credential(view, tls.caCertCredentialName || `${names[0]}-cacert`),
    checks: {
      matchSubjectAltNames,
      verifyCertificateSpki: [...tls.verifyCertificateSpki ?? []],
      verifyCertificateHash: [...tls.verifyCertificateHash ?? []],
      trustChainVerification: untrusted(tls),
    },
  };
}

const untrusted = ({ insecureSkipVerify }: ServerTls): TrustChainVerification => (
  insecureSkipVerify === true ? TrustChainVerification.ACCEPT_UNTRUSTED : TrustChainVerification.VERIFY_TRUST_CHAIN);

function credentialsOf({ credentialName, credentialNames }: ServerTls): readonly string[] {
  if (credentialNames !== undefined && credentialNames.length > 0) return credentialNames;
  return credentialName === undefined || credentialName === '' ? [] : [credentialName];
}

/** The server's own choice, the mesh's where it makes none; nothing at all where neither does. */
function parameters(tls: ServerTls, defaults: TlsDefaults) {
  const least = tlsVersion(tls.minProtocolVersion) ?? defaults.least;
  const most = tlsVersion(tls.maxProtocolVersion);
  const ciphers = tls.cipherSuites !== undefined && tls.cipherSuites.length > 0 ? [...new Set(tls.cipherSuites)] : defaults.cipherSuites;
  if (least === undefined && most === undefined && ciphers.length + defaults.ecdhCurves.length === 0) return undefined;
  return create(TlsParametersSchema, {
    tlsMinimumProtocolVersion: least ?? TlsParameters_TlsProtocol.TLS_AUTO,
    tlsMaximumProtocolVersion: most ?? TlsParameters_TlsProtocol.TLS_AUTO,
    cipherSuites: ciphers,
    ecdhCurves: defaults.ecdhCurves,
  });
}

const BUILT_IN = 'builtin://';
const EXTERNAL = 'sds://';
const WITH_KIND = ['kubernetes://', 'kubernetes-gateway://', 'configmap://'];

/** A secret by the name of a credential: the workload's own, an external provider's, or what istiod knows by that name. */
function credential(view: View, name: string): SdsSecretConfig | undefined {
  if (name === BUILT_IN) return secret(WORKLOAD_CERTIFICATE, view.dialect.workloadSecrets);
  if (name === `${BUILT_IN}-cacert`) return secret(MESH_ROOTS, view.dialect.workloadSecrets);
  if (!name.startsWith(EXTERNAL)) return secret(kindOf(name), ADS_SECRETS);
  // A socket of the Pod's own comes first, then the provider that the mesh names.
  if (view.proxy.metadata.credential === 'true') return secret(name, providerSource('sds-external', ''));
  const plain = name.slice(EXTERNAL.length);
  const provider = objectsOf(view.mesh.model.config.raw.extensionProviders).find(({ sds }) => sds !== undefined);
  if (provider === undefined) return secret(kindOf(plain), ADS_SECRETS);
  const { service, port } = objectOf(provider.sds);
  const found = clusterOfProvider(view.mesh, textOf(service), numberOf(port));
  return found && secret(plain, providerSource(found.cluster, found.hostname));
}

function kindOf(name: string): string {
  if (name.startsWith(BUILT_IN)) return WORKLOAD_CERTIFICATE;
  return WITH_KIND.some(kind => name.startsWith(kind)) ? name : `kubernetes://${name}`;
}

const providerSource = (clusterName: string, authority: string): ConfigSource => create(ConfigSourceSchema, {
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName, authority } } }],
    },
  },
  resourceApiVersion: ApiVersion.V3,
});
