import type { ISecret } from 'cdk8s-plus-27';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import { requireHosts } from './private/hosts';

type Spec = networking.DestinationRuleSpecTrafficPolicyTls;

/** What a caller's proxy tells and asks of the server. */
export interface ClientTlsOptions {
  /**
   * Name in the handshake (SNI).
   * @default - the host that is called
   */
  readonly sni?: string;
  /**
   * Names of which the server's certificate must have one.
   * @default - the name in the handshake
   */
  readonly subjectAltNames?: string[];
  /**
   * File, in the proxy's container, of the authorities that are trusted.
   * @default - those of the operating system
   */
  readonly caCertificates?: string;
}

/** Options of `ClientTls.mutual()`: files in the proxy's container. */
export interface MutualClientTlsOptions extends ClientTlsOptions {
  /** File of the certificate that the proxy presents. */
  readonly clientCertificate: string;
  /** File of its key. */
  readonly privateKey: string;
}

/** TLS that a caller's proxy speaks to a destination. Renders `trafficPolicy.tls` of a DestinationRule. */
export class ClientTls {
  /** Plain text, even where both sides have a sidecar. */
  public static disable(): ClientTls { return new ClientTls('DISABLE', {}); }
  /** Istio's mutual TLS, with the identities that Istio gives. Connections to pods without a sidecar fail. */
  public static istioMutual(): ClientTls { return new ClientTls('ISTIO_MUTUAL', {}); }
  /** TLS in which only the server presents a certificate. Throws MESH_HOST_INVALID for an `sni` that is no host name. */
  public static simple(options: ClientTlsOptions = {}): ClientTls { return new ClientTls('SIMPLE', common(options)); }
  /** TLS in which both present certificates, from files. Throws MESH_HOST_INVALID for an `sni` that is no host name, MESH_TLS_INVALID for an empty file name. */
  public static mutual(options: MutualClientTlsOptions): ClientTls {
    const { clientCertificate, privateKey } = options;
    if (clientCertificate === '' || privateKey === '') throw meshError(undefined, 'MESH_TLS_INVALID', 'ClientTls.mutual() needs the files clientCertificate and privateKey, got ""; name both files');
    return new ClientTls('MUTUAL', { ...common(options), clientCertificate, privateKey });
  }

  /**
   * TLS in which both present certificates, the proxy that of a Secret (keys `tls.crt`, `tls.key`, `ca.crt`) in its own namespace. For gateways: sidecars read
   * no Secrets. Throws MESH_TLS_INVALID beside `caCertificates`.
   */
  public static mutualFromSecret(secret: ISecret, options: ClientTlsOptions = {}): ClientTls {
    if (options.caCertificates !== undefined) {
      throw meshError(undefined, 'MESH_TLS_INVALID', `caCertificates must not be given beside a Secret, got "${options.caCertificates}"; put the authorities under ca.crt of the Secret`);
    }
    return new ClientTls('MUTUAL', { ...common(options), credentialName: secret.name });
  }

  private constructor(/** Istio's word for it, e.g. `SIMPLE`. */ public readonly mode: string, private readonly rest: Omit<Spec, 'mode'>) {}

  /** @internal */
  public _toKube(): Spec { return { mode: this.mode as networking.DestinationRuleSpecTrafficPolicyTlsMode, ...this.rest }; }
}

guarded('ClientTls', ClientTls);

function common({ sni, subjectAltNames, caCertificates }: ClientTlsOptions): Omit<Spec, 'mode'> {
  if (sni !== undefined) requireHosts(undefined, [sni]);
  return { sni, subjectAltNames: subjectAltNames && [...subjectAltNames], caCertificates };
}
