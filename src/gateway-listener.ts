import type { ISecret } from 'cdk8s-plus-27';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requirePort } from './private/check';
import { meshError } from './private/errors';
import { requireServedHosts } from './private/hosts';

/** Versions of TLS. */
export enum TlsVersion {
  /** TLS 1.2. */
  V1_2 = 'TLSV1_2',
  /** TLS 1.3. */
  V1_3 = 'TLSV1_3',
}

/** Options of a `GatewayTls` that ends TLS. */
export interface GatewayTlsOptions {
  /**
   * Oldest version that callers may speak.
   * @default TlsVersion.V1_2
   */
  readonly minVersion?: TlsVersion;
  /**
   * Names of which a caller's certificate must have one, for modes that ask for one.
   * @default - any certificate of the trusted authorities
   */
  readonly subjectAltNames?: string[];
}

/** What a gateway does with TLS. Renders `servers[].tls` of a Gateway. */
export class GatewayTls {
  /**
   * Presents the certificate of this Secret (keys `tls.crt`, `tls.key`) and asks callers for none.
   * The Secret must be in the namespace of the gateway's pods.
   * Throws MESH_TLS_INVALID.
   */
  public static simple(secret: ISecret, options: GatewayTlsOptions = {}): GatewayTls {
    if (options.subjectAltNames !== undefined) {
      throw meshError(undefined, 'MESH_TLS_INVALID', `GatewayTls.simple() asks callers for no certificate, got subjectAltNames ${options.subjectAltNames.join(', ')}; use GatewayTls.mutual()`);
    }
    return new GatewayTls('SIMPLE', secret.name, options);
  }

  /** As `simple()`, and callers must present a certificate of the authorities under `ca.crt` of the Secret. */
  public static mutual(secret: ISecret, options: GatewayTlsOptions = {}): GatewayTls { return new GatewayTls('MUTUAL', secret.name, options); }
  /** As `mutual()`, but callers without a certificate come in too; those with a wrong one do not. */
  public static optionalMutual(secret: ISecret, options: GatewayTlsOptions = {}): GatewayTls { return new GatewayTls('OPTIONAL_MUTUAL', secret.name, options); }
  /** Istio's mutual TLS, with the identities that Istio gives: for callers that have a sidecar. */
  public static istioMutual(options: GatewayTlsOptions = {}): GatewayTls { return new GatewayTls('ISTIO_MUTUAL', undefined, options); }
  /** TLS goes on to the service, chosen by the name in the handshake with `VirtualHost.addTlsRoute()`. */
  public static passthrough(): GatewayTls { return new GatewayTls('PASSTHROUGH', undefined, {}); }
  /** TLS goes on to the service that the name in the handshake itself says, without any route: between the clusters of one mesh. */
  public static autoPassthrough(): GatewayTls { return new GatewayTls('AUTO_PASSTHROUGH', undefined, {}); }

  private constructor(
    /** Istio's word for it, e.g. `SIMPLE`. */ public readonly mode: string,
    private readonly credentialName: string | undefined,
    private readonly options: GatewayTlsOptions,
  ) {}

  /** Whether TLS is ended here, so that the gateway sees what is inside. */
  public get terminates(): boolean { return this.mode !== 'PASSTHROUGH' && this.mode !== 'AUTO_PASSTHROUGH'; }

  /** Whether a Secret is needed. @internal */
  public get _usesSecret(): boolean { return this.credentialName !== undefined; }

  /** @internal */
  public _toKube(): networking.GatewaySpecServersTls {
    const { minVersion, subjectAltNames } = this.options;
    return {
      mode: this.mode as networking.GatewaySpecServersTlsMode,
      credentialName: this.credentialName,
      minProtocolVersion: minVersion as string as networking.GatewaySpecServersTlsMinProtocolVersion | undefined,
      subjectAltNames: subjectAltNames && [...subjectAltNames],
    };
  }
}

guarded('GatewayTls', GatewayTls);

/** What every listener has. */
export interface ListenerOptions {
  /**
   * Hosts that are served: exact names with a dot, `*.example.com`, or `*`. With a namespace before it, `books/shop.example`, only routes
   * of that namespace serve the host; `./` is the gateway's own.
   * @default ['*']
   */
  readonly hosts?: string[];
  /**
   * Port of the nodes that leads here, 1 to 65535, where the gateway has a Service of type NodePort or LoadBalancer.
   * @default - as Kubernetes likes
   */
  readonly nodePort?: number;
}

/** Options of `GatewayListener.http()`. */
export interface HttpListenerOptions extends ListenerOptions {
  /**
   * Number that callers dial, 1 to 65535.
   * @default 80
   */
  readonly port?: number;
  /**
   * Whether every request is answered 301, to the same URL by HTTPS.
   * @default false
   */
  readonly httpsRedirect?: boolean;
}

/** Options of `GatewayListener.https()`. */
export interface HttpsListenerOptions extends ListenerOptions {
  /** How TLS is ended. */
  readonly tls: GatewayTls;
  /**
   * Number that callers dial, 1 to 65535.
   * @default 443
   */
  readonly port?: number;
}

/** Options of `GatewayListener.tls()`. */
export interface TlsListenerOptions extends ListenerOptions {
  /** What happens to TLS. */
  readonly tls: GatewayTls;
  /**
   * Number that callers dial, 1 to 65535.
   * @default 443
   */
  readonly port?: number;
}

/** Options of `GatewayListener.tcp()`. */
export interface TcpListenerOptions extends ListenerOptions {
  /** Number that callers dial, 1 to 65535. */
  readonly port: number;
}

/** One port of a gateway and the hosts it serves there. Renders one item of `servers` of a Gateway. */
export class GatewayListener {
  /** Plain HTTP. Throws MESH_PORT_INVALID or MESH_HOST_INVALID. */
  public static http(options: HttpListenerOptions = {}): GatewayListener {
    return new GatewayListener('HTTP', options.port ?? 80, options, undefined, options.httpsRedirect);
  }

  /**
   * HTTP inside TLS, which the gateway ends. Throws MESH_PORT_INVALID or MESH_HOST_INVALID, and MESH_TLS_INVALID for TLS that passes through: nobody would
   * see the HTTP in it.
   */
  public static https(options: HttpsListenerOptions): GatewayListener {
    if (!options.tls.terminates) {
      throw meshError(undefined, 'MESH_TLS_INVALID', `GatewayListener.https() must end TLS, got mode ${options.tls.mode}, under which HTTP routes would never see a request; use GatewayListener.tls()`);
    }
    return new GatewayListener('HTTPS', options.port ?? 443, options, options.tls);
  }

  /**
   * Any protocol inside TLS: passed on by `VirtualHost.addTlsRoute()`, or ended here and passed on by `VirtualHost.addTcpRoute()`.
   * Throws MESH_PORT_INVALID or MESH_HOST_INVALID.
   */
  public static tls(options: TlsListenerOptions): GatewayListener { return new GatewayListener('TLS', options.port ?? 443, options, options.tls); }
  /** Bytes, passed on by `VirtualHost.addTcpRoute()`. Throws MESH_PORT_INVALID or MESH_HOST_INVALID. */
  public static tcp(options: TcpListenerOptions): GatewayListener { return new GatewayListener('TCP', options.port, options); }

  /** Number that callers dial. */
  public readonly port: number;
  /** Hosts that are served. */
  public readonly hosts: string[];
  /** Port of the nodes that leads here; undefined for any. */
  public readonly nodePort?: number;

  private constructor(/** `HTTP`, `HTTPS`, `TLS` or `TCP`. */ public readonly protocol: string, port: number, options: ListenerOptions,
    /** What happens to TLS; undefined without. */ public readonly tlsSettings?: GatewayTls,
    /** Whether every request is sent to HTTPS. */ public readonly httpsRedirect: boolean = false) {
    this.port = requirePort('port', port);
    this.hosts = requireServedHosts(undefined, options.hosts ?? ['*']);
    this.nodePort = options.nodePort === undefined ? undefined : requirePort('nodePort', options.nodePort);
  }

  /** @internal */
  public _toKube(name: string): networking.GatewaySpecServers {
    return {
      port: { number: this.port, name, protocol: this.protocol },
      hosts: this.hosts,
      tls: this.httpsRedirect ? { httpsRedirect: true } : this.tlsSettings?._toKube(),
    };
  }
}

guarded('GatewayListener', GatewayListener);
