import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { TlsParameters_TlsProtocol, TlsParametersSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { CertificateValidationContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import type { SdsSecretConfig } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { CommonTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { ADS_SECRETS } from '../dialect';
import type { ServerTls } from '../istio-api';
import { ALPN_HTTP, ALPN_TCP, downstreamTls, exactNames, fileSource, MESH_ROOTS, secret, WORKLOAD_CERTIFICATE } from '../security/tls-context';
import { tlsDefaults, tlsVersion } from '../security/tls-defaults';
import type { TlsDefaults } from '../security/tls-defaults';
import type { View } from '../view';

/** TLS that a gateway's server terminates (istio-behaviour F5). */
export function serverTls(view: View, tls: ServerTls, http: boolean): TransportSocket {
  const common: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams: parameters(tls, tlsDefaults(view.mesh, 'tlsDefaults')),
    tlsCertificateSdsSecretConfigs: certificates(view, tls),
    alpnProtocols: tls.mode === 'ISTIO_MUTUAL' && !http ? ALPN_TCP : ALPN_HTTP,
  };
  const roots = clientRoots(view, tls);
  const context: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchSubjectAltNames: exactNames(tls.subjectAltNames ?? []),
    verifyCertificateSpki: [...tls.verifyCertificateSpki ?? []],
    verifyCertificateHash: [...tls.verifyCertificateHash ?? []],
    crl: byFile(tls) && tls.caCrl !== undefined && tls.caCrl !== '' ? { specifier: { case: 'filename', value: tls.caCrl } } : undefined,
  };
  const checks = Object.values(context).some(list => Array.isArray(list) && list.length > 0);
  if (tls.mode !== 'SIMPLE' && roots !== undefined) {
    common.validationContextType = {
      case: 'combinedValidationContext', value: { defaultValidationContext: context, validationContextSdsSecretConfig: roots },
    };
  } else if (checks) {
    common.validationContextType = { case: 'validationContext', value: context };
  }
  return downstreamTls({ commonTlsContext: common, requireClientCertificate: tls.mode === 'MUTUAL' || tls.mode === 'ISTIO_MUTUAL' });
}

/** The server's own choice, the mesh's where it makes none; nothing at all where neither does. */
function parameters(tls: ServerTls, defaults: TlsDefaults) {
  const own = tls.mode !== 'ISTIO_MUTUAL';
  const least = (own ? tlsVersion(tls.minProtocolVersion) : undefined) ?? defaults.least;
  const most = own ? tlsVersion(tls.maxProtocolVersion) : undefined;
  const ciphers = own && tls.cipherSuites !== undefined && tls.cipherSuites.length > 0 ? [...tls.cipherSuites] : defaults.cipherSuites;
  if (least === undefined && most === undefined && ciphers.length + defaults.ecdhCurves.length === 0) return undefined;
  return create(TlsParametersSchema, {
    tlsMinimumProtocolVersion: least ?? TlsParameters_TlsProtocol.TLS_AUTO,
    tlsMaximumProtocolVersion: most ?? TlsParameters_TlsProtocol.TLS_AUTO,
    cipherSuites: ciphers,
    ecdhCurves: defaults.ecdhCurves,
  });
}

function certificates(view: View, tls: ServerTls): SdsSecretConfig[] {
  const names = tls.credentialNames !== undefined && tls.credentialNames.length > 0 ? tls.credentialNames.slice(0, 2)
    : tls.credentialName !== undefined && tls.credentialName !== '' ? [tls.credentialName] : [];
  if (tls.mode === 'ISTIO_MUTUAL') return [secret(WORKLOAD_CERTIFICATE, view.dialect.workloadSecrets)];
  if (names.length > 0) return names.map(name => secret(credential(name), ADS_SECRETS));
  const files = fileSource(view.dialect.workloadSecrets);
  if (tls.tlsCertificates !== undefined && tls.tlsCertificates.length > 0) {
    return tls.tlsCertificates.slice(0, 2)
      .map(({ serverCertificate = '', privateKey = '' }) => secret(`file-cert:${serverCertificate}~${privateKey}`, files));
  }
  if (tls.serverCertificate === undefined || tls.privateKey === undefined) return [];
  return [secret(`file-cert:${tls.serverCertificate}~${tls.privateKey}`, files)];
}

/** Whether the server's secrets are files: lists of revoked certificates come with the Secret otherwise. */
const byFile = (tls: ServerTls): boolean => (tls.credentialName ?? '') === '' && (tls.credentialNames ?? []).length === 0;

/** Roots of client certificates: `NAME-cacert` beside the server's secret, or a file. */
function clientRoots(view: View, tls: ServerTls): SdsSecretConfig | undefined {
  if (tls.mode === 'ISTIO_MUTUAL') return secret(MESH_ROOTS, view.dialect.workloadSecrets);
  if (tls.caCertCredentialName !== undefined && tls.caCertCredentialName !== '') return secret(credential(tls.caCertCredentialName), ADS_SECRETS);
  const name = tls.credentialNames?.[0] ?? tls.credentialName;
  if (name !== undefined && name !== '') return secret(`${credential(name)}-cacert`, ADS_SECRETS);
  const file = tls.caCertificates || tls.tlsCertificates?.[0]?.caCertificates;
  if (file === undefined || file === '') return undefined;
  return secret(`file-root:${file}`, fileSource(view.dialect.workloadSecrets));
}

const credential = (name: string): string => (name.startsWith('kubernetes://') ? name : `kubernetes://${name}`);
