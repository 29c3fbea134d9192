import { Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { EgressHosts } from './egress-hosts';
import type { EgressPolicy } from './egress-policy';
import type { MeshPort } from './mesh-port';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { settingsAbove } from './private/mesh-settings';
import { ownedMetadata } from './private/metadata';
import { policySubject } from './private/policy';
import { portNames } from './private/ports';

/** Hosts that are reached on one port, or socket, of their own. Renders `egress[]` with a port. */
export interface EgressListener {
  /** Port that applications dial. */
  readonly port: MeshPort;
  /** Hosts that are reached there, at least one. */
  readonly hosts: EgressHosts[];
  /**
   * Where the proxy listens: an IP address, or `unix:///path/to/socket` (the port is then without meaning).
   * @default - every address that the hosts have
   */
  readonly bind?: string;
}

/** A port on which the application gets requests. Renders `ingress[]`. */
export interface IngressListener {
  /** Port that callers dial on the pod, and its protocol. */
  readonly port: MeshPort;
  /**
   * Where the application listens: `127.0.0.1:PORT`, `0.0.0.0:PORT` for the pod's address, or `unix:///path/to/socket`.
   * @default - the pod's address and the target port
   */
  readonly defaultEndpoint?: string;
  /**
   * Address on which the proxy listens.
   * @default - that of the pod
   */
  readonly bind?: string;
}

/** Properties for `SidecarScope`. */
export interface SidecarScopeProps {
  /**
   * Whose sidecars.
   * @default - all workloads of the namespace that no other scope is about
   */
  readonly service?: IPolicyTarget;
  /**
   * Hosts that the sidecars learn of, on all ports. Renders `egress[]` without a port.
   * @default - those of `egressListeners`; without these either, all hosts
   */
  readonly egress?: EgressHosts[];
  /**
   * Hosts that are reached on ports or sockets of their own.
   * @default - none
   */
  readonly egressListeners?: EgressListener[];
  /**
   * Ports on which the application gets requests; others are then refused. Needs `service`.
   * @default - those of the services that select the pods
   */
  readonly ingress?: IngressListener[];
  /**
   * What becomes of requests to hosts that the sidecars do not know.
   * @default - `egress` of the Mesh, else what the mesh has, which in Istio is EgressPolicy.ALLOW_ANY
   */
  readonly outboundTrafficPolicy?: EgressPolicy;
  /**
   * Name of the Sidecar.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the Sidecar.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * What the sidecars of some workloads know of the mesh. Less of it means less memory and fewer updates for each. Renders one Sidecar.
 * @example
 * new SidecarScope(this, 'scope', { service: reviews, egress: [EgressHosts.service(ratings)], outboundTrafficPolicy: EgressPolicy.REGISTRY_ONLY });
 */
export class SidecarScope extends Construct {
  /** Name of the Sidecar. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_NAMESPACE_MISSING, MESH_SCOPE_INVALID, MESH_SELECTOR_MISSING. */
  public constructor(scope: Construct, id: string, props: SidecarScopeProps) {
    super(scope, id);
    requireProps(this, 'SidecarScopeProps', props);
    this.name = requireLabel(this, 'the name of a Sidecar', props.name ?? id, 'choose another construct id or set name');
    const { namespace, selector } = policySubject(this, props.service, props.namespace);
    this.node.defaultChild = new networking.Sidecar(this, 'Sidecar', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: {
        workloadSelector: selector && { labels: selector.matchLabels },
        egress: this.egress(props),
        ingress: this.ingress(props),
        // a scope of its own takes the place of the mesh's, with all that it says
        outboundTrafficPolicy: Lazy.any({ produce: () => modeOf(props.outboundTrafficPolicy ?? settingsAbove(this)?.renderedEgress) }),
      },
    });
  }

  private egress({ egress, egressListeners }: SidecarScopeProps): networking.SidecarSpecEgress[] | undefined {
    if (egress?.length === 0 && (egressListeners ?? []).length === 0) {
      throw meshError(this, 'MESH_SCOPE_INVALID', 'egress must name hosts, got []; leave it away for all, or write [EgressHosts.named(…)] for few');
    }
    const names = portNames((egressListeners ?? []).map(({ port }) => port));
    const listeners = (egressListeners ?? []).map(({ port, hosts, bind }, index): networking.SidecarSpecEgress => {
      if (hosts.length === 0) throw meshError(this, 'MESH_SCOPE_INVALID', `an egress listener must have hosts, got [] on port ${port.number}; add EgressHosts, or leave the listener away`);
      return { port: { number: port.number, name: names[index], protocol: port.protocol }, bind, hosts: this.hosts(hosts) };
    });
    // Istio takes one listener without a port, and only as the last.
    const rest = egress === undefined || egress.length === 0 ? [] : [{ hosts: this.hosts(egress) }];
    return listeners.length + rest.length === 0 ? undefined : [...listeners, ...rest];
  }

  private ingress({ ingress, service }: SidecarScopeProps): networking.SidecarSpecIngress[] | undefined {
    if (ingress === undefined || ingress.length === 0) return undefined;
    if (service === undefined) throw meshError(this, 'MESH_SELECTOR_MISSING', 'ingress must be that of a service, got none; set service');
    const names = portNames(ingress.map(({ port }) => port));
    return ingress.map(({ port, defaultEndpoint, bind }, index) => {
      if (defaultEndpoint !== undefined && !isEndpoint(defaultEndpoint)) {
        throw meshError(this, 'MESH_SCOPE_INVALID', `defaultEndpoint must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path, got "${defaultEndpoint}"; write one of those`);
      }
      return {
        port: { number: port.number, name: names[index], protocol: port.protocol },
        defaultEndpoint: defaultEndpoint ?? (port.targetPort === port.number ? undefined : `0.0.0.0:${port.targetPort}`),
        bind,
      };
    });
  }

  private hosts(hosts: EgressHosts[]): string[] {
    return [...new Set(hosts.flatMap((each) => each._toKube(this)))];
  }
}

guarded('SidecarScope', SidecarScope);

function modeOf(mode: string | undefined): networking.SidecarSpecOutboundTrafficPolicy | undefined {
  return mode === undefined ? undefined : { mode: mode as networking.SidecarSpecOutboundTrafficPolicyMode };
}

const ENDPOINT = /^(?:(?:127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):(\d{1,5})|unix:\/\/\/.+)$/;

function isEndpoint(text: string): boolean {
  const found = ENDPOINT.exec(text);
  const port = Number(found?.[1] ?? 1);
  return found !== null && port >= 1 && port <= 65535;
}
