import type { Duration } from 'cdk8s';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { durationOrZero, durationText } from './private/duration';
import { meshError } from './private/errors';

type Spec = networking.DestinationRuleSpecTrafficPolicyConnectionPool;

/** Limits of connections. Istio takes 0 for "no limit", so 0 is refused here: leave a limit away for none. */
export interface TcpConnectionPoolOptions {
  /**
   * Connections that one caller's proxy holds to all endpoints together; 1 or more. The next one waits, or for TCP is refused.
   * @default - no limit
   */
  readonly maxConnections?: number;
  /**
   * Longest time to open a connection, at least 1 ms.
   * @default - the mesh's, in Istio 10 s
   */
  readonly connectTimeout?: Duration;
  /**
   * Longest life of a connection, at least 1 ms.
   * @default - no limit
   */
  readonly maxConnectionDuration?: Duration;
  /**
   * Time without bytes after which a TCP connection ends; 0 for never.
   * @default - 1 hour
   */
  readonly idleTimeout?: Duration;
}

/** Limits of HTTP requests. Istio takes 0 for "no limit", so 0 is refused here: leave a limit away for none. */
export interface HttpConnectionPoolOptions {
  /**
   * Requests that wait for a connection, 1 or more; the next one is answered 503 (UO).
   * @default - no limit
   */
  readonly http1MaxPendingRequests?: number;
  /**
   * Requests under way to all endpoints together, of HTTP/1.1 too, 1 or more; the next one is answered 503 (UO).
   * @default - no limit
   */
  readonly http2MaxRequests?: number;
  /**
   * Requests after which a connection is closed, 1 or more; 1 switches keep-alive off.
   * @default - no limit
   */
  readonly maxRequestsPerConnection?: number;
  /**
   * Retries under way to all endpoints together, 1 or more. Not beside a `retryBudget`.
   * @default - no limit
   */
  readonly maxRetries?: number;
  /**
   * Time without requests after which a connection is closed, at least 1 ms.
   * @default - 1 hour
   */
  readonly idleTimeout?: Duration;
  /**
   * Requests at once on one HTTP/2 connection, 1 or more.
   * @default - as the endpoint says
   */
  readonly maxConcurrentStreams?: number;
  /**
   * Whether requests go on as HTTP/2, whatever the port says. Not with `useClientProtocol`.
   * @default - as the port says
   */
  readonly h2Upgrade?: boolean;
  /**
   * Whether requests go on in the protocol that they came in.
   * @default false
   */
  readonly useClientProtocol?: boolean;
  /**
   * Limits of the connections below.
   * @default - none
   */
  readonly tcp?: TcpConnectionPoolOptions;
}

/**
 * Limits of what one caller's proxy sends to a destination. Renders `trafficPolicy.connectionPool` of a DestinationRule.
 * @example
 * reviews.addVersion('v3', { containers: [{ image: 'reviews:v3' }], traffic: { connectionPool: ConnectionPool.http({ http1MaxPendingRequests: 10 }) } });
 */
export class ConnectionPool {
  /** Limits of connections. Throws MESH_LIMIT_INVALID, MESH_DURATION_INVALID, or MESH_POLICY_EMPTY without any limit. */
  public static tcp(options: TcpConnectionPoolOptions): ConnectionPool { return new ConnectionPool({ tcp: tcpSpec(options) }); }
  /** Limits of HTTP requests, and of connections. Throws MESH_LIMIT_INVALID, MESH_DURATION_INVALID, MESH_FIELD_EXCLUSIVE, or MESH_POLICY_EMPTY without any limit. */
  public static http(options: HttpConnectionPoolOptions): ConnectionPool {
    const { idleTimeout, h2Upgrade, useClientProtocol, tcp, ...limits } = options;
    if (h2Upgrade === true && useClientProtocol === true) throw meshError(undefined, 'MESH_FIELD_EXCLUSIVE', 'h2Upgrade and useClientProtocol must not both be true, got both; choose one of them');
    const http: Spec['http'] = {
      ...numbers(limits),
      idleTimeout: idleTimeout && durationText(undefined, 'idleTimeout', idleTimeout),
      h2UpgradePolicy: h2Upgrade === undefined ? undefined
        : (h2Upgrade ? 'UPGRADE' : 'DO_NOT_UPGRADE') as networking.DestinationRuleSpecTrafficPolicyConnectionPoolHttpH2UpgradePolicy,
      useClientProtocol,
    };
    return new ConnectionPool({ http: isEmpty(http) ? undefined : http, tcp: tcp && tcpSpec(tcp) });
  }

  private constructor(private readonly spec: Spec) {
    if (isEmpty(spec)) throw meshError(undefined, 'MESH_POLICY_EMPTY', 'a connection pool must have at least one limit, got none; set one, or leave the pool away');
  }

  /** @internal */
  public _toKube(): Spec { return this.spec; }
}

guarded('ConnectionPool', ConnectionPool);

function tcpSpec({ maxConnections, connectTimeout, maxConnectionDuration, idleTimeout }: TcpConnectionPoolOptions): Spec['tcp'] {
  const tcp = {
    ...numbers({ maxConnections }),
    connectTimeout: connectTimeout && durationText(undefined, 'connectTimeout', connectTimeout),
    maxConnectionDuration: maxConnectionDuration && durationText(undefined, 'maxConnectionDuration', maxConnectionDuration),
    idleTimeout: idleTimeout && durationOrZero(undefined, 'idleTimeout', idleTimeout),
  };
  return isEmpty(tcp) ? undefined : tcp;
}

function numbers<T extends { [name: string]: number | undefined }>(limits: T): T {
  for (const [name, value] of Object.entries(limits)) {
    if (value === 0) throw meshError(undefined, 'MESH_LIMIT_INVALID', `${name} must be at least 1, got 0, which Istio takes for no limit; leave it away for none`);
    if (value !== undefined) requireInteger(undefined, 'MESH_LIMIT_INVALID', name, value, 1, 2147483647);
  }
  return limits;
}

function isEmpty(spec: object): boolean {
  return Object.values(spec).every((value) => value === undefined);
}
