import { objectsOf, textsOf } from '../../model/json';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { View } from '../view';
import { ALPN_HTTP, ALPN_TCP, downstreamTls, MESH_ROOTS, secret, TLS_1_2_TO_1_3, WORKLOAD_CERTIFICATE } from './tls-context';
import { tlsDefaults } from './tls-defaults';

const CIPHERS = [
  'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256',
  'AES256-GCM-SHA384', 'AES128-GCM-SHA256',
];

/** Istio's mutual TLS, as a sidecar accepts it (istio-behaviour E3): any identity of the own trust domain or an alias of it. */
export function inboundMtls(view: View, http: boolean): TransportSocket {
  const { mesh, dialect } = view;
  return mesh.memo.get('inboundMtls', [dialect.name, http], () => {
    const { trustDomain, trustDomainAliases, raw } = mesh.model.config;
    const others = objectsOf(raw.caCertificates).flatMap(({ trustDomains }) => textsOf(trustDomains));
    const domains = new Set([trustDomain, ...trustDomainAliases, ...others]);
    const { least, cipherSuites, ecdhCurves } = tlsDefaults(mesh, 'meshMTLS');
    return downstreamTls({
      commonTlsContext: {
        tlsParams: {
          ...TLS_1_2_TO_1_3,
          ...(least === undefined ? {} : { tlsMinimumProtocolVersion: least }),
          cipherSuites: cipherSuites.length > 0 ? cipherSuites : CIPHERS,
          ecdhCurves,
        },
        tlsCertificateSdsSecretConfigs: [secret(WORKLOAD_CERTIFICATE, dialect.workloadSecrets)],
        validationContextType: {
          case: 'combinedValidationContext',
          value: {
            defaultValidationContext: {
              matchSubjectAltNames: [...domains].map(domain => ({ matchPattern: { case: 'prefix' as const, value: `spiffe://${domain}/` } })),
            },
            validationContextSdsSecretConfig: secret(MESH_ROOTS, dialect.workloadSecrets),
          },
        },
        alpnProtocols: http ? ALPN_HTTP : ALPN_TCP,
      },
      requireClientCertificate: true,
    });
  });
}
