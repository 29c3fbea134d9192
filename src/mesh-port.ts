import { guarded } from './private/arguments';
import { requirePort } from './private/check';
import { meshError } from './private/errors';
import type { TrafficPolicyProps } from './traffic-policy';

/** Application protocol of a port. Istio reads it from the port's name. */
export enum MeshProtocol {
  /** HTTP/1.1, with upgrade to WebSocket. Routed by path, header and the like. */
  HTTP = 'HTTP',
  /** HTTP/2 without TLS (h2c). Routed as HTTP. */
  HTTP2 = 'HTTP2',
  /** gRPC over HTTP/2. Routed as HTTP. */
  GRPC = 'GRPC',
  /** HTTP inside TLS that the application itself ends: sidecars see bytes only. */
  HTTPS = 'HTTPS',
  /** Any protocol inside TLS that the application itself ends; routed by SNI. */
  TLS = 'TLS',
  /** Bytes. */
  TCP = 'TCP',
}

/** Options of a `MeshPort`. */
export interface MeshPortOptions {
  /**
   * Number that the container listens on, 1 to 65535.
   * @default - the same number that callers dial
   */
  readonly targetPort?: number;
  /**
   * Name of the port: the protocol in lower case, or that and a suffix (`http-admin`), since Istio reads the protocol from it.
   * @default - the protocol, e.g. `http`; with the number, `http-9080`, where several ports have this protocol
   */
  readonly name?: string;
  /**
   * How callers treat this port, beside what holds for all of the service. Renders `trafficPolicy.portLevelSettings` of its DestinationRule.
   * @default - as the service
   */
  readonly traffic?: TrafficPolicyProps;
}

/**
 * A port with its protocol.
 * Renders `Service.spec.ports[]` or `ServiceEntry.spec.ports[]`, named so that Istio never has to guess the protocol.
 * All factories throw MESH_PORT_INVALID for a number that is none, MESH_PORT_NAME for a name that says another protocol.
 */
export class MeshPort {
  /** HTTP/1.1. `number` is what callers dial, 1 to 65535. */
  public static http(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.HTTP, number, options); }
  /** HTTP/2 without TLS. `number` is what callers dial, 1 to 65535. */
  public static http2(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.HTTP2, number, options); }
  /** gRPC. `number` is what callers dial, 1 to 65535. */
  public static grpc(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.GRPC, number, options); }
  /** HTTP in TLS that the application ends. `number` is what callers dial, 1 to 65535. */
  public static https(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.HTTPS, number, options); }
  /** TLS that the application ends. `number` is what callers dial, 1 to 65535. */
  public static tls(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.TLS, number, options); }
  /** Plain TCP. `number` is what callers dial, 1 to 65535. */
  public static tcp(number: number, options: MeshPortOptions = {}): MeshPort { return new MeshPort(MeshProtocol.TCP, number, options); }

  /** Protocol that callers speak. */
  public readonly protocol: MeshProtocol;
  /** Number that callers dial. */
  public readonly number: number;
  /** Number that the container listens on. */
  public readonly targetPort: number;
  /** Name as given; undefined where it follows from the protocol. */
  public readonly name?: string;
  /** How callers treat this port; undefined as the service. */
  public readonly traffic?: TrafficPolicyProps;

  private constructor(protocol: MeshProtocol, number: number, options: MeshPortOptions) {
    this.protocol = protocol;
    this.number = requirePort('port', number);
    this.targetPort = options.targetPort === undefined ? this.number : requirePort('targetPort', options.targetPort);
    this.name = options.name;
    this.traffic = options.traffic;
    const prefix = protocol.toLowerCase();
    if (this.name !== undefined && !new RegExp(`^${prefix}(-[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?)?$`).test(this.name)) {
      throw meshError(undefined, 'MESH_PORT_NAME', `the name of a ${protocol} port must be "${prefix}", or begin with "${prefix}-", got "${this.name}"; Istio reads the protocol from it`);
    }
  }

  /** Whether routes by path, header and the like apply: HTTP, HTTP2 and GRPC. */
  public get isHttp(): boolean {
    return [MeshProtocol.HTTP, MeshProtocol.HTTP2, MeshProtocol.GRPC].includes(this.protocol);
  }
}

guarded('MeshPort', MeshPort);
