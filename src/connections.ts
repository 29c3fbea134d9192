import { Lazy } from 'cdk8s';
import type { Construct, IConstruct } from 'constructs';
import { networking, security } from '../imports';
import type { AccessOperation, AccessSource } from './access-match';
import type { IPolicyTarget } from './policy-target';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { principalsOf } from './private/policy';

/** Options of a connection. */
export interface ConnectionOptions {
  /**
   * What may be asked for, as alternatives.
   * @default - anything
   */
  readonly operations?: AccessOperation[];
}

/** What a service can be allowed to call: a `MeshService` or an `ExternalService`. */
export interface ICallee extends IConstruct {
  /** The hosts by which a Sidecar lets callers know of it, `NAMESPACE/HOST`. Throws MESH_NAMESPACE_MISSING. */
  hostsInScope(): string[];
}

/** What can be connected, on both sides: a `MeshService`. */
export interface IConnectable extends IPolicyTarget, ICallee {
  /** Whom it may call, and who may call it. */
  readonly connections: Connections;
  /** Its short name in DNS, after which its scope and its policy are called. */
  readonly name: string;
  /** The host name by which resources in this namespace address it. */
  hostFrom(namespace?: string): string;
}

/** One line of `rules[]`. */
interface Permission {
  readonly source: () => security.AuthorizationPolicySpecRulesFromSource;
  readonly operations?: AccessOperation[];
}

/**
 * Who may call whom, declared once, from either side. The first connection of a caller closes all others to it: its sidecars learn of the declared
 * hosts only, and refuse the rest. The first connection to a service closes it to all other callers, by their certificates.
 * Renders a Sidecar for the caller and an AuthorizationPolicy for the service, each named after it.
 * @example
 * productpage.connections.allowTo(reviews);
 */
export class Connections {
  /** @internal */
  public static _of(service: Construct & IConnectable): Connections { return new Connections(service); }

  private readonly hosts: (() => string[])[] = [];
  private readonly permissions: Permission[] = [];

  private constructor(private readonly service: Construct & IConnectable) {}

  /**
   * Lets this service call another one, or hosts outside the mesh, and only those so allowed.
   * Throws MESH_NAMESPACE_MISSING where one of the two has no namespace: certificates and scopes name it; MESH_ACCOUNT_UNKNOWN where the caller has no
   * service account, and MESH_ACCESS_INVALID for operations outside the mesh, where no proxy checks them.
   */
  public allowTo(callee: ICallee, options: ConnectionOptions = {}): void {
    const permission = { source: () => ({ principals: principalsOf(callee, this.service) }), operations: options.operations };
    if (!isService(callee) && permission.operations !== undefined) {
      throw meshError(this.service, 'MESH_ACCESS_INVALID', `operations must be those of a service of the mesh, got some for ${callee.node.path}; leave them away`);
    }
    this.reach(() => callee.hostsInScope());
    if (isService(callee)) callee.connections.admit(permission);
  }

  /**
   * Lets a caller in: another service, or a gateway with a service account of its own. A service also gets to know this one.
   * Throws as `allowTo()` does: MESH_ACCOUNT_UNKNOWN, MESH_NAMESPACE_MISSING.
   */
  public allowFrom(caller: IPolicyTarget, options: ConnectionOptions = {}): void {
    if (isService(caller)) return caller.connections.allowTo(this.service, options);
    this.admit({ source: () => ({ principals: principalsOf(this.service, caller) }), operations: options.operations });
  }

  /** Lets callers in who are no constructs: a namespace, an identity, an address. */
  public allowFromSource(source: AccessSource, options: ConnectionOptions = {}): void {
    this.admit({ source: () => source._toKube(this.service), operations: options.operations });
  }

  /** Closes the service in both directions but for what is allowed. Allowing something closes that direction by itself. */
  public isolate(): void {
    this.ensureSidecar();
    this.ensurePolicy();
  }

  private reach(hosts: () => string[]): void {
    hosts(); // throws here, where the caller stands
    this.hosts.push(hosts);
    this.ensureSidecar();
  }

  private admit(permission: Permission): void {
    permission.source();
    if (permission.operations?.length === 0) {
      throw meshError(this.service, 'MESH_ACCESS_INVALID', 'operations must name at least one, got []; leave it away for any');
    }
    this.permissions.push(permission);
    this.ensurePolicy();
  }

  private ensureSidecar(): void {
    const { service } = this;
    if (service.node.tryFindChild('Sidecar') !== undefined) return;
    new networking.Sidecar(service, 'Sidecar', {
      metadata: ownedMetadata(service, service.name, service.namespace),
      spec: Lazy.any({
        produce: (): networking.SidecarSpec => ({
          workloadSelector: { labels: service.podLabels },
          // Istio's word for no host at all.
          egress: [{ hosts: this.hosts.length === 0 ? ['~/*'] : [...new Set(this.hosts.flatMap((hosts) => hosts()))].sort() }],
          outboundTrafficPolicy: { mode: networking.SidecarSpecOutboundTrafficPolicyMode.REGISTRY_ONLY },
        }),
      }),
    });
  }

  private ensurePolicy(): void {
    const { service } = this;
    if (service.node.tryFindChild('AuthorizationPolicy') !== undefined) return;
    new security.AuthorizationPolicy(service, 'AuthorizationPolicy', {
      metadata: ownedMetadata(service, service.name, service.namespace),
      spec: Lazy.any({
        produce: (): security.AuthorizationPolicySpec => ({
          selector: { matchLabels: service.podLabels },
          action: security.AuthorizationPolicySpecAction.ALLOW,
          rules: this.rules(),
        }),
      }),
    });
  }

  /** Callers of whatever they like are one rule; each connection that names operations is one of its own. */
  private rules(): security.AuthorizationPolicySpecRules[] | undefined {
    const free = this.permissions.filter(({ operations }) => operations === undefined).map(({ source }) => ({ source: source() }));
    const bound = this.permissions.filter(({ operations }) => operations !== undefined)
      .map(({ source, operations }) => ({ from: [{ source: source() }], to: operations!.map((operation) => ({ operation: operation._toKube() })) }));
    const rules = [...free.length > 0 ? [{ from: distinct(free) }] : [], ...bound];
    return rules.length === 0 ? undefined : rules;
  }
}

guarded('Connections', Connections);

function distinct<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

function isService(one: IConstruct): one is IConnectable {
  return (one as Partial<IConnectable>).connections !== undefined;
}
