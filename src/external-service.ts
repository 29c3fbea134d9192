import { isIP } from 'net';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { ClientTls } from './client-tls';
import type { EgressGateway } from './egress-gateway';
import type { MeshPort } from './mesh-port';
import { guarded, requireProps } from './private/arguments';
import { requireExportTo, requireLabel } from './private/check';
import { claimMeshHosts } from './private/claims';
import { meshError } from './private/errors';
import { requireDisjointHosts } from './private/hosts';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { portNames, requireDistinctPorts } from './private/ports';
import { requirePortPolicies, requireTrafficPolicy, trafficPolicy } from './private/traffic-policy';
import type { IRouteDestination } from './route';
import type { TlsOrigination } from './tls-origination';
import type { TrafficPolicyProps } from './traffic-policy';

/** How sidecars find the addresses behind an `ExternalService`. Renders `resolution` and `endpoints` of a ServiceEntry. */
export class Resolution {
  /** Look each host up in DNS, so every host must be exact. */
  public static dns(): Resolution { return new Resolution('DNS', []); }
  /** As `dns()`, but each new connection goes to the next address of the answer; for names with very many addresses. There must be one host. */
  public static dnsRoundRobin(): Resolution { return new Resolution('DNS_ROUND_ROBIN', []); }
  /** Keep the address that the caller dialled. The only one for wildcards whose addresses nobody knows beforehand. */
  public static passthrough(): Resolution { return new Resolution('NONE', []); }
  /** Always use these IPv4 or IPv6 addresses, at least one. Throws MESH_ADDRESS_INVALID. */
  public static fixed(...addresses: string[]): Resolution {
    const bad = addresses.length === 0 ? 'none' : addresses.find((address) => isIP(address) === 0);
    if (bad !== undefined) throw meshError(undefined, 'MESH_ADDRESS_INVALID', `Resolution.fixed() takes IP addresses, got ${bad}; for names use Resolution.dns()`);
    return new Resolution('STATIC', addresses);
  }

  private constructor(/** @internal */ public readonly _mode: string, private readonly addresses: string[]) {}

  /** Whether a host may begin with `*.`. */
  public get acceptsWildcards(): boolean { return !this._mode.startsWith('DNS'); }

  /** @internal */
  public _toKube(): Pick<networking.ServiceEntrySpec, 'resolution' | 'endpoints'> {
    return {
      resolution: this._mode as networking.ServiceEntrySpecResolution,
      endpoints: this.addresses.length > 0 ? this.addresses.map((address) => ({ address })) : undefined,
    };
  }
}

guarded('Resolution', Resolution);

/** Properties for `ExternalService`. */
export interface ExternalServiceProps {
  /** DNS names that callers dial, at least one. `*.example.com` means every name below. */
  readonly hosts: string[];
  /** Ports that callers may open, at least one, unique by number. */
  readonly ports: MeshPort[];
  /**
   * How sidecars turn a host into addresses.
   * @default Resolution.dns()
   */
  readonly resolution?: Resolution;
  /**
   * Namespaces that may call it: names, `.` for the own one, or `*` for all. Renders `exportTo`.
   * @default - the mesh's own rule, which in Istio is all namespaces
   */
  readonly exportTo?: string[];
  /**
   * TLS that proxies speak to the service while applications speak plain HTTP, e.g. `TlsOrigination.simple()`. The HTTP port leads to 443 then, unless it
   * has a `targetPort`. Renders a DestinationRule for each host; the name in the handshake is the host, unless `sni` says otherwise.
   * @default - what applications send goes out as it is
   */
  readonly tlsOrigination?: TlsOrigination;
  /**
   * How callers treat the service. Renders a DestinationRule for each host. Not `tls`, which is `tlsOrigination` here.
   * @default - the mesh's own policy
   */
  readonly traffic?: TrafficPolicyProps;
  /**
   * Gateway by which requests leave the mesh. There must be one port then, of HTTP or TLS, and exact hosts.
   * Renders a VirtualService for each host, from sidecars to the gateway and from there to the host.
   * @default - sidecars connect by themselves
   */
  readonly via?: EgressGateway;
  /**
   * Name of the ServiceEntry.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the ServiceEntry.
   * @default - the chart's
   */
  readonly namespace?: string;
}

/**
 * A host outside the mesh that workloads may call. Renders one ServiceEntry, and DestinationRules and VirtualServices where TLS, traffic or a gateway ask for them.
 * For routes of it, use a `VirtualHost` with its hosts.
 * @example
 * new ExternalService(this, 'google-books', { hosts: ['www.googleapis.com'], ports: [MeshPort.tls(443)] });
 */
export class ExternalService extends Construct implements IRouteDestination {
  /** How sidecars turn a host into addresses. */
  public readonly resolution: Resolution;
  /** Name of the ServiceEntry. */
  public readonly name: string;
  private readonly _hosts: string[];
  private readonly _ports: MeshPort[];
  private readonly tls?: ClientTls;

  /**
   * Throws MESH_NAME_INVALID, MESH_HOST_DUPLICATE, MESH_HOST_WILDCARD, MESH_HOST_AMBIGUOUS, MESH_PORT_MISSING, MESH_PORT_DUPLICATE, MESH_PORT_AMBIGUOUS,
   * MESH_EXPORT_INVALID, MESH_TLS_INVALID; and for `traffic` MESH_FIELD_EXCLUSIVE, MESH_FIELD_UNSUPPORTED, MESH_LIMIT_INVALID, MESH_LOCALITY_UNDECIDED,
   * MESH_PERCENT_INVALID.
   */
  public constructor(scope: Construct, id: string, props: ExternalServiceProps) {
    super(scope, id);
    requireProps(this, 'ExternalServiceProps', props);
    this.name = requireLabel(this, 'the name of a ServiceEntry', props.name ?? id, 'choose another construct id or set name');
    this._hosts = requireDisjointHosts(this, props.hosts);
    this._ports = [...props.ports];
    this.resolution = props.resolution ?? Resolution.dns();
    requireDistinctPorts(this, this._ports);
    this.requireReachableHosts();
    this.requirePlain(props);
    requirePortPolicies(this, this._ports, props.traffic);
    requireTrafficPolicy(this, props.traffic);
    this.tls = props.tlsOrigination?._tls;
    const exportTo = requireExportTo(this, props.exportTo);
    this.node.defaultChild = new networking.ServiceEntry(this, 'ServiceEntry', {
      metadata: ownedMetadata(this, this.name, namespaceIn(this, props.namespace)),
      spec: {
        hosts: this._hosts,
        location: networking.ServiceEntrySpecLocation.MESH_EXTERNAL,
        ports: this.entryPorts(),
        exportTo,
        ...this.resolution._toKube(),
      },
    });
    this._hosts.forEach((host, index) => this.treat(host, this.objectName(index), namespaceIn(this, props.namespace), exportTo, props.traffic));
    if (props.via !== undefined) this.leaveBy(props.via, namespaceIn(this, props.namespace), exportTo);
  }

  /** DNS names that callers dial. */
  public get hosts(): string[] { return [...this._hosts]; }

  /** Ports that callers may open. */
  public get ports(): MeshPort[] { return [...this._ports]; }

  /** Undefined: an external service has no versions. */
  public get subset(): string | undefined { return undefined; }

  /** The first of the hosts, which is the same from everywhere. */
  public hostFrom(_namespace?: string): string { return this._hosts[0]; }

  /** The hosts by which a Sidecar lets callers know of it. */
  public hostsInScope(): string[] { return this._hosts.map((host) => `*/${host}`); }

  private entryPorts(): networking.ServiceEntrySpecPorts[] {
    const names = portNames(this._ports);
    return this._ports.map((port, index) => ({
      number: port.number, name: names[index], protocol: port.protocol, targetPort: this.targetOf(port),
    }));
  }

  /** Number that proxies dial, where it is not the one of the port: plain HTTP that becomes TLS goes to 443. */
  private targetOf(port: MeshPort): number | undefined {
    if (port.targetPort !== port.number) return port.targetPort;
    return this.tls !== undefined && port.isHttp && port.number !== 443 ? 443 : undefined;
  }

  /** The first host's objects have the name of the construct, the others that and their host. */
  private objectName(index: number): string {
    if (index === 0) return this.name;
    const host = this._hosts[index].toLowerCase().replace(/^\*/, 'all').replace(/[^a-z0-9]+/g, '-');
    return requireLabel(this, 'the name of a DestinationRule', `${this.name}-${host}`, 'shorten the name, or declare one external service for each host');
  }

  private treat(
    host: string, name: string, namespace: string | undefined, exportTo: string[] | undefined, traffic: TrafficPolicyProps | undefined,
  ): void {
    const tls = this.tls?._toKube();
    const sni = tls !== undefined && tls.mode !== 'DISABLE' && tls.sni === undefined && !host.startsWith('*') ? host : tls?.sni;
    const policy = trafficPolicy(traffic, this._ports);
    const originated = tls === undefined ? [] : this._ports.filter((port) => port.isHttp);
    if (policy === undefined && originated.length === 0) return;
    const portLevelSettings = [
      ...policy?.portLevelSettings?.filter((entry) => !originated.some((port) => port.number === entry.port?.number)) ?? [],
      ...originated.map((port) => {
        const { portLevelSettings: _ports, retryBudget: _budget, ...four } = trafficPolicy({ ...traffic, ...port.traffic }, []) ?? {};
        return { port: { number: port.number }, ...four, tls: { ...tls, sni } };
      }),
    ] as networking.DestinationRuleSpecTrafficPolicyPortLevelSettings[];
    new networking.DestinationRule(this, `DestinationRule-${host}`, {
      metadata: ownedMetadata(this, name, namespace),
      spec: { host, exportTo, trafficPolicy: { ...policy, portLevelSettings: portLevelSettings.length > 0 ? portLevelSettings : undefined } },
    });
  }

  /** Sidecars send the host's requests to the gateway, and the gateway sends them on. */
  private leaveBy(via: EgressGateway, namespace: string | undefined, exportTo: string[] | undefined): void {
    const [port, ...more] = this._ports;
    if (more.length > 0 || port.protocol === 'TCP') {
      throw meshError(this, 'MESH_PORT_AMBIGUOUS', `an external service via an egress gateway must have one port, of HTTP or TLS, got ${this._ports.map(({ protocol, number }) => `${protocol} ${number}`).join(', ')}; declare one external service for each`);
    }
    const wildcard = this._hosts.find((host) => host.startsWith('*'));
    if (wildcard !== undefined) throw meshError(this, 'MESH_HOST_WILDCARD', `hosts via an egress gateway must be exact, got "${wildcard}"; name each host`);
    claimMeshHosts(this, this._hosts, namespace, exportTo);
    const [mesh, gateway] = [['mesh'], [via.refFrom(namespace)]];
    this._hosts.forEach((host, index) => {
      const subset = this.objectName(index);
      via._leave(this, host, subset, !port.isHttp);
      const toGateway = [{ destination: { host: via.hostFrom(namespace), subset, port: { number: 443 } } }];
      const toHost = [{ destination: { host, port: { number: port.number } } }];
      new networking.VirtualService(this, `VirtualService-${host}`, {
        metadata: ownedMetadata(this, subset, namespace),
        spec: {
          hosts: [host],
          gateways: [...mesh, ...gateway],
          exportTo,
          ...port.isHttp ? {
            http: [
              { name: 'to-gateway', match: [{ gateways: mesh, port: port.number }], route: toGateway },
              { name: 'to-host', match: [{ gateways: gateway, port: 443 }], route: toHost },
            ],
          } : {
            tls: [
              { match: [{ gateways: mesh, port: port.number, sniHosts: [host] }], route: toGateway },
              { match: [{ gateways: gateway, port: 443, sniHosts: [host] }], route: toHost },
            ],
          },
        },
      });
    });
  }

  /** Four fields must agree for TLS to be spoken once, neither twice nor not at all. */
  private requirePlain({ tlsOrigination, traffic }: ExternalServiceProps): void {
    const twice = traffic?.tls ?? this._ports.find((port) => port.traffic?.tls !== undefined);
    if (twice !== undefined) throw meshError(this, 'MESH_TLS_INVALID', 'traffic of an external service must not set tls, got it there; use tlsOrigination');
    if (tlsOrigination === undefined) {
      const plain = this._ports.find((port) => port.isHttp && port.targetPort === 443);
      if (plain !== undefined) {
        throw meshError(this, 'MESH_TLS_INVALID', `port 443 speaks TLS, got plain ${plain.protocol} ${plain.number} for it; set tlsOrigination, or declare MeshPort.https(443) if the application speaks TLS`);
      }
      return;
    }
    const tls = this._ports.find((port) => !port.isHttp);
    if (tls !== undefined) {
      throw meshError(this, 'MESH_TLS_INVALID', `ports under tlsOrigination must be plain HTTP, got ${tls.protocol} ${tls.number}, which would be TLS inside TLS; leave tlsOrigination away, or declare MeshPort.http()`);
    }
  }

  private requireReachableHosts(): void {
    if (this._hosts.includes('*')) throw meshError(this, 'MESH_HOST_WILDCARD', 'an external service must name its hosts, got "*"; list them');
    // Istio rejects both of these only when they are applied; thrown here, the stack shows the caller's line.
    const wildcard = this._hosts.find((host) => host.startsWith('*'));
    if (wildcard !== undefined && !this.resolution.acceptsWildcards) {
      throw meshError(this, 'MESH_HOST_WILDCARD', `hosts that are looked up in DNS must be exact, got "${wildcard}"; name each host, or use Resolution.passthrough()`);
    }
    if (this.resolution._mode === 'DNS_ROUND_ROBIN' && this._hosts.length > 1) {
      throw meshError(this, 'MESH_HOST_AMBIGUOUS', `Resolution.dnsRoundRobin() takes one host, got ${this._hosts.join(', ')}; declare one external service for each`);
    }
    const bytes = this._ports.find((port) => port.protocol === 'TCP');
    if (this._hosts.length > 1 && bytes !== undefined) {
      throw meshError(this, 'MESH_HOST_AMBIGUOUS', `a TCP port carries no host name, so there must be one host, got ${this._hosts.join(', ')} on port ${bytes.number}; declare one external service for each`);
    }
  }
}

guarded('ExternalService', ExternalService);
