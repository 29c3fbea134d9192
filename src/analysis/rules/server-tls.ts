import type { Path } from '../finding';
import type { Reporter } from './context';
import { protocolClass } from './predicates';

/** tls of a Gateway's server or of a Sidecar's ingress listener. */
export interface ServerTls {
  readonly mode?: string;
  readonly httpsRedirect?: boolean;
  readonly serverCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly credentialName?: string;
  readonly credentialNames?: readonly string[];
  readonly tlsCertificates?: readonly { readonly serverCertificate?: string; readonly privateKey?: string; readonly caCertificates?: string }[];
  readonly subjectAltNames?: readonly string[];
  readonly minProtocolVersion?: string;
  readonly cipherSuites?: readonly string[];
}

/** Suites that Envoy's TLS library knows. */
export const CIPHERS: ReadonlySet<string> = new Set(['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA', 'AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA', 'AES256-SHA', 'ECDHE-PSK-AES128-CBC-SHA',
  'ECDHE-PSK-AES256-CBC-SHA', 'ECDHE-PSK-CHACHA20-POLY1305', 'PSK-AES128-CBC-SHA', 'PSK-AES256-CBC-SHA', 'DES-CBC3-SHA']);

/** tls as far as its presence and fields are judged by the protocol of its port (istio-validation §1.2). */
export function serverTlsRules(at: Reporter, tls: ServerTls, protocol: string, path: Path): void {
  const mode = tls.mode ?? 'PASSTHROUGH';
  const kind = protocolClass(protocol);
  const sources = sourcesOf(tls);
  if (kind === 'http' && (!['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(mode) || [tls.serverCertificate, tls.privateKey, tls.caCertificates].some(given))) {
    return at.invalid(path, 'MESH_TLS_INVALID', `a server of protocol ${protocol} takes tls only for httpsRedirect, got mode ${mode}`, 'use protocol HTTPS, or keep only httpsRedirect');
  }
  if (kind === 'tcp') return at.invalid(path, 'MESH_TLS_INVALID', `a server of protocol ${protocol} takes no tls, got mode ${mode}`, 'use protocol TLS or HTTPS');
  if (kind !== 'http' && tls.httpsRedirect === true) at.doubtful([...path, 'httpsRedirect'], 'MESH_TLS_INVALID', `httpsRedirect acts on HTTP ports only, got protocol ${protocol}`, 'move it to the HTTP server');
  doubts(at, tls, mode, sources, path);
  if (mode === 'ISTIO_MUTUAL') {
    if (sources.length > 0 || given(tls.caCertificates)) at.invalid(path, 'MESH_TLS_INVALID', 'tls ISTIO_MUTUAL uses the mesh\'s own certificates, got others', 'remove them');
    return;
  }
  // Half of a pair of files is no source.
  const whole = sources.filter(source => source !== 'files' || (given(tls.serverCertificate) && given(tls.privateKey)));
  if (whole.length > 1) at.invalid(path, 'MESH_TLS_INVALID', `tls has one source of certificates, got ${whole.join(' and ')}`, 'keep one of them');
  certificates(at, tls, mode, sources, path);
}

const given = (text: string | undefined): boolean => (text ?? '') !== '';

function sourcesOf(tls: ServerTls): string[] {
  return [
    ...(given(tls.serverCertificate) || given(tls.privateKey) ? ['files'] : []),
    ...(given(tls.credentialName) ? ['credentialName'] : []),
    ...((tls.credentialNames?.length ?? 0) > 0 ? ['credentialNames'] : []),
    ...((tls.tlsCertificates?.length ?? 0) > 0 ? ['tlsCertificates'] : []),
  ];
}

function doubts(at: Reporter, tls: ServerTls, mode: string, sources: readonly string[], path: Path): void {
  const doubt = (field: string, code: string, message: string, repair: string) => at.doubtful([...path, field], code, message, repair);
  if (['TLSV1_0', 'TLSV1_1'].includes(tls.minProtocolVersion ?? '') && (tls.cipherSuites?.length ?? 0) === 0) {
    doubt('minProtocolVersion', 'MESH_TLS_INVALID', `${tls.minProtocolVersion} needs cipherSuites that such clients know, got none`, 'name them, or ask for TLSV1_2');
  }
  const seen = new Set<string>();
  tls.cipherSuites?.forEach((suite, index) => {
    const place = [...path, 'cipherSuites', index];
    if (!CIPHERS.has(suite)) at.doubtful(place, 'MESH_CIPHER_INVALID', `a cipher suite is one that Envoy knows, got ${suite}; it is ignored`, `use one of ${[...CIPHERS].slice(0, 6).join(', ')}`);
    else if (seen.has(suite)) at.doubtful(place, 'MESH_CIPHER_INVALID', `a cipher suite stands once, got ${suite} again`, 'remove it');
    seen.add(suite);
  });
  if ((tls.tlsCertificates?.length ?? 0) > 2) doubt('tlsCertificates', 'MESH_TLS_INVALID', `a server shows at most 2 certificates, one RSA and one ECDSA, got ${tls.tlsCertificates!.length}`, 'remove the others');
  if (['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(mode) && (sources.length > 0 || given(tls.caCertificates) || given(tls.caCrl))) {
    doubt('mode', 'MESH_TLS_INVALID', `${mode} does not end TLS and ignores certificates, got ${sources.join(' and ') || 'those of authorities'}`, 'remove them, or use mode SIMPLE');
  }
}

function certificates(at: Reporter, tls: ServerTls, mode: string, sources: readonly string[], path: Path): void {
  if (!['SIMPLE', 'MUTUAL', 'OPTIONAL_MUTUAL'].includes(mode)) return;
  const named = sources.includes('credentialName') || sources.includes('credentialNames');
  if (named) {
    if (given(tls.caCrl)) at.invalid([...path, 'caCrl'], 'MESH_TLS_INVALID', 'a Secret brings its own revocation list, got caCrl beside credentialName', 'remove caCrl');
    return;
  }
  if (mode === 'SIMPLE' && given(tls.caCrl)) at.invalid([...path, 'caCrl'], 'MESH_TLS_INVALID', 'SIMPLE checks no client certificate, got caCrl', 'use mode MUTUAL');
  const own: readonly (keyof ServerTls)[] = mode === 'SIMPLE' ? ['serverCertificate', 'privateKey'] : ['serverCertificate', 'privateKey', 'caCertificates'];
  if (sources.includes('tlsCertificates')) {
    tls.tlsCertificates!.forEach((certificate, index) => {
      for (const field of ['serverCertificate', 'privateKey'] as const) {
        if (!given(certificate[field])) at.invalid([...path, 'tlsCertificates', index], 'MESH_TLS_INVALID', `each of tlsCertificates has serverCertificate and privateKey, got no ${field}`, `add ${field}`);
      }
    });
    if (mode !== 'SIMPLE' && !given(tls.caCertificates)) at.invalid(path, 'MESH_TLS_INVALID', `tls ${mode} needs caCertificates, got none`, 'add caCertificates');
    return;
  }
  const absent = own.filter(field => !given(tls[field] as string | undefined));
  if (absent.length > 0) at.invalid(path, 'MESH_TLS_INVALID', `tls ${mode} needs credentialName, or ${own.join(', ')}, got no ${absent.join(', ')}`, 'add credentialName with the name of a Secret');
}
