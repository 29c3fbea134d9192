import type { ISecret } from 'cdk8s-plus-27';
import { ClientTls, type ClientTlsOptions, type MutualClientTlsOptions } from './client-tls';
import { guarded } from './private/arguments';

/** TLS that proxies speak to an outside host for applications that speak plain HTTP. Renders `trafficPolicy.tls` of a DestinationRule. */
export class TlsOrigination {
  /** Only the host presents a certificate. Throws MESH_HOST_INVALID for an `sni` that is no host name. */
  public static simple(options: ClientTlsOptions = {}): TlsOrigination { return new TlsOrigination(ClientTls.simple(options)); }
  /** Both present certificates, the proxy from files. Throws MESH_HOST_INVALID for an `sni` that is no host name, MESH_TLS_INVALID for an empty file name. */
  public static mutual(options: MutualClientTlsOptions): TlsOrigination { return new TlsOrigination(ClientTls.mutual(options)); }
  /**
   * Both present certificates, the proxy that of a Secret (keys `tls.crt`, `tls.key`, `ca.crt`) in its own namespace: for hosts that go `via` an egress gateway, since
   * sidecars read no Secrets. Throws MESH_HOST_INVALID for an `sni` that is no host name, MESH_TLS_INVALID beside `caCertificates`.
   */
  public static mutualFromSecret(secret: ISecret, options: ClientTlsOptions = {}): TlsOrigination {
    return new TlsOrigination(ClientTls.mutualFromSecret(secret, options));
  }

  private constructor(/** @internal */ public readonly _tls: ClientTls) {}
}

guarded('TlsOrigination', TlsOrigination);
