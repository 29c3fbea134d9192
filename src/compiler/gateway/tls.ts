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
import type { View } from '../view';

const VERSIONS: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** TLS that a gateway's server terminates (istio-behaviour F5). */
export function serverTls(view: View, tls: ServerTls, http: boolean): TransportSocket {
  const common: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsParams: parameters(tls),
    tlsCertificateSdsSecretConfigs: certificates(view, tls),
    alpnProtocols: tls.mode === 'ISTIO_MUTUAL' && !http ? ALPN_TCP : ALPN_HTTP,
  };
  const roots = clientRoots(view, tls);
  const context: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchSubjectAltNames: exactNames(tls.subjectAltNames ?? []),
    verifyCertificateSpki: [...tls.verifyCertificateSpki ?? []],
    verifyCertificateHash: [...tls.verifyCertificateHash ?? []],
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

function parameters(tls: ServerTls) {
  const [least, most] = [VERSIONS[tls.minProtocolVersion ?? ''], VERSIONS[tls.maxProtocolVersion ?? '']];
  if (least === undefined && most === undefined && (tls.cipherSuites ?? []).length === 0) return undefined;
  return create(TlsParametersSchema, {
    tlsMinimumProtocolVersion: least ?? TlsParameters_TlsProtocol.TLS_AUTO,
    tlsMaximumProtocolVersion: most ?? TlsParameters_TlsProtocol.TLS_AUTO,
    cipherSuites: [...tls.cipherSuites ?? []],
  });
}

function certificates(view: View, tls: ServerTls): SdsSecretConfig[] {
  const names = tls.credentialNames !== undefined && tls.credentialNames.length > 0 ? tls.credentialNames.slice(0, 2)
    : tls.credentialName !== undefined && tls.credentialName !== '' ? [tls.credentialName] : [];
  if (tls.mode === 'ISTIO_MUTUAL') return [secret(WORKLOAD_CERTIFICATE, view.dialect.workloadSecrets)];
  if (names.length > 0) return names.map(name => secret(credential(name), ADS_SECRETS));
  if (tls.serverCertificate === undefined || tls.privateKey === undefined) return [];
  return [secret(`file-cert:${tls.serverCertificate}~${tls.privateKey}`, fileSource(view.dialect.workloadSecrets))];
}

/** Roots of client certificates: `NAME-cacert` beside the server's secret, or a file. */
function clientRoots(view: View, tls: ServerTls): SdsSecretConfig | undefined {
  if (tls.mode === 'ISTIO_MUTUAL') return secret(MESH_ROOTS, view.dialect.workloadSecrets);
  if (tls.caCertCredentialName !== undefined && tls.caCertCredentialName !== '') return secret(credential(tls.caCertCredentialName), ADS_SECRETS);
  const name = tls.credentialNames?.[0] ?? tls.credentialName;
  if (name !== undefined && name !== '') return secret(`${credential(name)}-cacert`, ADS_SECRETS);
  if (tls.caCertificates === undefined || tls.caCertificates === '') return undefined;
  return secret(`file-root:${tls.caCertificates}`, fileSource(view.dialect.workloadSecrets));
}

const credential = (name: string): string => (name.startsWith('kubernetes://') ? name : `kubernetes://${name}`);
