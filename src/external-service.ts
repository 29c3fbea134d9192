import { isIP } from 'net';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { MeshPort } from './mesh-port';
import { requireExportTo, requireLabel } from './private/check';
import { meshError } from './private/errors';
import { requireDisjointHosts } from './private/hosts';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { portNames, requireDistinctPorts } from './private/ports';
import type { IRouteDestination } from './route';

/** How sidecars find the addresses behind an `ExternalService`. Renders `resolution` and `endpoints` of a ServiceEntry. */
export class Resolution {
  /** Look each host up in DNS, so every host must be exact. */
  public static dns(): Resolution { return new Resolution('DNS', []); }
  /** Always use these IPv4 or IPv6 addresses, at least one. Throws MESH_ADDRESS_INVALID. */
  public static fixed(...addresses: string[]): Resolution {
    const bad = addresses.length === 0 ? 'none' : addresses.find((address) => isIP(address) === 0);
    if (bad !== undefined) throw meshError(undefined, 'MESH_ADDRESS_INVALID', `Resolution.fixed() takes IP addresses, got ${bad}`);
    return new Resolution('STATIC', addresses);
  }

  private constructor(private readonly mode: string, private readonly addresses: string[]) {}

  /** Whether a host may begin with `*.`. */
  public get acceptsWildcards(): boolean { return this.mode !== 'DNS'; }

  /** @internal */
  public _toKube(): Pick<networking.ServiceEntrySpec, 'resolution' | 'endpoints'> {
    return {
      resolution: this.mode as networking.ServiceEntrySpecResolution,
      endpoints: this.addresses.length > 0 ? this.addresses.map((address) => ({ address })) : undefined,
    };
  }
}

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
 * A host outside the mesh that workloads may call. Renders one ServiceEntry.
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

  public constructor(scope: Construct, id: string, props: ExternalServiceProps) {
    super(scope, id);
    this.name = requireLabel(this, 'the name of a ServiceEntry', props.name ?? id, 'choose another construct id or set name');
    this._hosts = requireDisjointHosts(this, props.hosts);
    this._ports = [...props.ports];
    this.resolution = props.resolution ?? Resolution.dns();
    requireDistinctPorts(this, this._ports);
    this.requireReachableHosts();
    new networking.ServiceEntry(this, 'ServiceEntry', {
      metadata: ownedMetadata(this, this.name, namespaceIn(this, props.namespace)),
      spec: {
        hosts: this._hosts,
        location: networking.ServiceEntrySpecLocation.MESH_EXTERNAL,
        ports: this.entryPorts(),
        exportTo: requireExportTo(this, props.exportTo),
        ...this.resolution._toKube(),
      },
    });
  }

  /** DNS names that callers dial. */
  public get hosts(): string[] { return [...this._hosts]; }

  /** Ports that callers may open. */
  public get ports(): MeshPort[] { return [...this._ports]; }

  /** Undefined: an external service has no versions. */
  public get subset(): string | undefined { return undefined; }

  /** The first of the hosts, which is the same from everywhere. */
  public hostFrom(_namespace?: string): string { return this._hosts[0]; }

  private entryPorts(): networking.ServiceEntrySpecPorts[] {
    const names = portNames(this._ports);
    return this._ports.map((port, index) => ({
      number: port.number, name: names[index], protocol: port.protocol, targetPort: port.targetPort === port.number ? undefined : port.targetPort,
    }));
  }

  private requireReachableHosts(): void {
    if (this._hosts.includes('*')) throw meshError(this, 'MESH_HOST_WILDCARD', 'an external service must name its hosts, got "*"');
    // Istio rejects both of these only when they are applied; thrown here, the stack shows the caller's line.
    const wildcard = this._hosts.find((host) => host.startsWith('*'));
    if (wildcard !== undefined && !this.resolution.acceptsWildcards) {
      throw meshError(this, 'MESH_HOST_WILDCARD', `hosts that are looked up in DNS must be exact, got "${wildcard}"; name each host, or use Resolution.fixed()`);
    }
    const bytes = this._ports.find((port) => port.protocol === 'TCP');
    if (this._hosts.length > 1 && bytes !== undefined) {
      throw meshError(this, 'MESH_HOST_AMBIGUOUS', `a TCP port carries no host name, so there must be one host, got ${this._hosts.join(', ')} on port ${bytes.number}; declare one external service for each`);
    }
  }
}
