import { DnsNames, type Resolve } from './dns';
import { clusterStats, Host, hostKey, type ClusterLimits, type HostFacts } from './host';
import { needsTls } from './transport-socket';
import {
  balancingPolicy, loadBalancer, prepareCluster, type BalancingPolicy, type ClusterTable, type Draw, type Host as Endpoint, type LoadBalancer,
  type Weighted,
} from '../../../src/evaluator';
import { unpack } from '../../../src/xds/any';
import { milliseconds } from '../../../src/xds/duration';
import { Cluster_DiscoveryType as Type, type Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { HttpProtocolOptionsSchema } from '../../../src/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import type { Timers } from '../timers';

const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A cluster at run time: its hosts with their connections, its limits and its counts. Lives on while its name stays. */
export class UpstreamCluster {
  public readonly limits: ClusterLimits = {
    connectTimeoutMs: DEFAULT_CONNECT_TIMEOUT_MS,
    maxConnections: 1024,
    maxPending: 1024,
    maxRequests: 1024,
    maxRetries: 3,
    maxRequestsPerConnection: 0,
    connections: 0,
    pending: 0,
    requests: 0,
    retries: 0,
    stats: clusterStats(),
  };
  public table!: ClusterTable;
  /** Hosts that the cluster has now, by address. */
  public readonly hosts = new Map<string, Host>();
  public added = true;

  private takers: readonly Weighted<Host>[] = [];
  private balancer: LoadBalancer<Host> = loadBalancer('least_request');
  private policy: BalancingPolicy | undefined;
  private assignment: ClusterLoadAssignment | undefined;
  private dns: DnsNames | undefined;

  public constructor(
    public message: Cluster, assignment: ClusterLoadAssignment | undefined, private readonly timers: Timers, private readonly resolve: Resolve,
  ) {
    this.update(message, assignment);
  }

  public get name(): string {
    return this.message.name;
  }

  /** Takes a new version of the cluster or of its assignment. Hosts that stay keep their connections. */
  public update(message: Cluster, assignment: ClusterLoadAssignment | undefined): void {
    if (this.table !== undefined && message === this.message && assignment === this.assignment) return;
    this.message = message;
    this.assignment = assignment;
    this.table = prepareCluster(message, assignment);
    this.readLimits(message);
    const policy = balancingPolicy(this.table.lbPolicy);
    if (policy !== this.policy) {
      this.policy = policy;
      this.balancer = loadBalancer(policy);
    }
    if (usesDns(message)) {
      this.dns ??= new DnsNames(this.resolve, this.timers, () => this.refresh());
      this.dns.watch([...new Set(this.table.hosts.map(({ address }) => address))], message);
    } else {
      this.dns?.close();
      this.dns = undefined;
    }
    this.refresh();
  }

  /** Resolved once every name of a DNS cluster was looked up for the first time. */
  public async warm(): Promise<void> {
    await this.dns?.first();
  }

  /** A host for a request, or undefined if none takes traffic. Hosts in `tried` are avoided where others are left. */
  public pick(draw: Draw, tried: readonly Host[]): Host | undefined {
    const { takers } = this;
    if (takers.length === 0) return undefined;
    let host = this.balancer.pick(takers, draw);
    for (let again = 0; again < PREVIOUS_HOST_ATTEMPTS && tried.includes(host); again++) host = this.balancer.pick(takers, draw);
    return host;
  }

  public sweep(): void {
    for (const host of this.hosts.values()) host.sweep();
  }

  /** The cluster left the configuration: requests under way finish, idle connections end. */
  public remove(): void {
    this.dns?.close();
    for (const host of this.hosts.values()) host.remove();
  }

  public destroy(): void {
    this.dns?.close();
    for (const host of this.hosts.values()) host.destroy();
  }

  private refresh(): void {
    const wanted = new Map<string, HostFacts>();
    const share = new Map<string, number>();
    const percents = new Map(this.table.shares.map(({ host, percent }) => [host, percent]));
    for (const endpoint of this.table.hosts) {
      const percent = percents.get(endpoint) ?? 0;
      const addresses = this.dns === undefined ? [endpoint.address] : this.dns.addressesOf(endpoint.address);
      for (const address of addresses) {
        const facts = this.facts(endpoint, address);
        const key = hostKey(facts);
        if (wanted.has(key)) continue;
        wanted.set(key, facts);
        share.set(key, percent / addresses.length);
      }
    }
    for (const [key, host] of this.hosts) {
      if (wanted.has(key)) continue;
      this.hosts.delete(key);
      host.remove();
    }
    const takers: Weighted<Host>[] = [];
    for (const [key, facts] of wanted) {
      let host = this.hosts.get(key);
      if (host === undefined) this.hosts.set(key, host = new Host(facts, this.limits, this.timers));
      else host.facts = facts;
      const weight = Math.round((share.get(key) ?? 0) * SHARE_UNITS);
      if (weight > 0) takers.push({ host, weight });
    }
    this.takers = takers;
    this.balancer.changed(takers);
  }

  private facts(endpoint: Endpoint, address: string): HostFacts {
    const { port, weight, healthy, priority, locality } = endpoint;
    return { address, port, weight, health: healthy ? 'healthy' : 'unhealthy', priority, locality, tls: needsTls(this.message, endpoint) };
  }

  private readLimits(message: Cluster): void {
    const { limits } = this;
    const thresholds = message.circuitBreakers?.thresholds.find(({ priority }) => priority === 0);
    limits.connectTimeoutMs = message.connectTimeout === undefined ? DEFAULT_CONNECT_TIMEOUT_MS : milliseconds(message.connectTimeout);
    limits.maxConnections = thresholds?.maxConnections ?? 1024;
    limits.maxPending = thresholds?.maxPendingRequests ?? 1024;
    limits.maxRequests = thresholds?.maxRequests ?? 1024;
    limits.maxRetries = thresholds?.maxRetries ?? 3;
    const options = unpack(message.typedExtensionProtocolOptions[HTTP_OPTIONS], HttpProtocolOptionsSchema);
    limits.maxRequestsPerConnection = options?.commonHttpProtocolOptions?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0;
  }
}

/** Envoy's `host_selection_retry_max_attempts` as Istio sets it. */
const PREVIOUS_HOST_ATTEMPTS = 5;
/** Shares are integers in millionths of a percent, so that a draw can decide between them. */
const SHARE_UNITS = 1e6;

function usesDns({ clusterDiscoveryType: type }: Cluster): boolean {
  return type.case === 'type' && (type.value === Type.STRICT_DNS || type.value === Type.LOGICAL_DNS);
}
