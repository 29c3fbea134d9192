import { Lazy } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { networking } from '../imports';
import { GatewayWorkload } from './gateway-workload';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { finding, meshError } from './private/errors';
import { gatewayPods } from './private/gateway-pods';
import { serviceHost } from './private/host';
import { knowGateway } from './private/mesh-settings';
import { namespaceIn, ownedMetadata } from './private/metadata';

/** Properties for `EgressGateway`. */
export interface EgressGatewayProps {
  /**
   * The pods that serve it. For pods that run already give `serviceHost`, by which callers find them; their Service needs port 443.
   * @default GatewayWorkload.deployed(), with a Service of type ClusterIP
   */
  readonly workload?: GatewayWorkload;
  /**
   * Name of the Gateway, and of the Deployment, Service and ServiceAccount where it has its own.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of these.
   * @default - the chart's
   */
  readonly namespace?: string;
}

/** A host that leaves the mesh here. @internal */
interface Leaving { readonly host: string; readonly subset: string; readonly passthrough: boolean }

/**
 * The door out of the mesh, for external services that go `via` it. Sidecars reach it by Istio's mutual TLS, so that it knows who calls; TLS of the
 * applications themselves it passes on as it is.
 * Renders one Gateway with a server for each host, one DestinationRule for the way to it, and the workload that serves it.
 * @example
 * const egress = new EgressGateway(this, 'egress');
 * new ExternalService(this, 'books-api', { hosts: ['api.books.example'], ports: [MeshPort.http(80)], via: egress });
 */
export class EgressGateway extends Construct {
  /** Name of the Gateway. */
  public readonly name: string;
  /** Namespace of the Gateway; undefined where it is not known before it is applied. */
  public readonly namespace?: string;
  /** Labels of the pods that serve the gateway. */
  public readonly selector: { [name: string]: string };
  /** The gateway's own Deployment; undefined for pods that exist already. */
  public readonly deployment?: kplus.Deployment;
  /** The gateway's own Service; undefined for pods that exist already. */
  public readonly service?: kplus.Service;
  private readonly serviceHost?: string;
  private readonly leaving: Leaving[] = [];

  /** Throws MESH_HOST_MISSING, MESH_LIMIT_INVALID for the `replicas` of its workload, MESH_NAME_INVALID, MESH_SERVERS_MISSING. */
  public constructor(scope: Construct, id: string, props: EgressGatewayProps = {}) {
    super(scope, id);
    requireProps(this, 'EgressGatewayProps', props);
    this.name = requireLabel(this, 'the name of a Gateway', props.name ?? id, 'choose another construct id or set name');
    this.namespace = namespaceIn(this, props.namespace);
    const workload = props.workload ?? GatewayWorkload.deployed();
    this.serviceHost = workload._serviceHost;
    this.selector = workload._labels ?? { istio: this.name };
    if (workload._labels === undefined) {
      const pods = gatewayPods(this, {
        name: this.name,
        namespace: this.namespace,
        selector: this.selector,
        ports: [{ name: 'tls', number: 443, target: 8443 }],
        secrets: true, // for certificates that external services ask for
        ...workload._options,
        serviceType: workload._options.serviceType ?? kplus.ServiceType.CLUSTER_IP,
      });
      this.deployment = pods.deployment;
      this.service = pods.service;
    } else if (this.serviceHost === undefined) {
      throw meshError(this, 'MESH_HOST_MISSING', 'an egress gateway of pods that run already must have the name of their Service, got none; set serviceHost of GatewayWorkload.existing()');
    } else {
      knowGateway(this, { labels: workload._labels, host: this.serviceHost });
    }
    this.node.defaultChild = new networking.Gateway(this, 'Gateway', {
      metadata: ownedMetadata(this, this.name, this.namespace),
      spec: Lazy.any({ produce: () => ({ selector: this.selector, servers: this.servers() }) }),
    });
    // Callers of every namespace look for subsets where the Service is, and not where the Gateway is.
    const serviceNamespace = /^[a-z0-9-]+\.([a-z0-9-]+)\.svc\./.exec(this.serviceHost ?? '')?.[1] ?? this.namespace;
    new networking.DestinationRule(this, 'DestinationRule', {
      metadata: ownedMetadata(this, this.name, serviceNamespace),
      spec: Lazy.any({ produce: () => this.destinationRule() }),
    });
    this.node.addValidation({
      validate: () => (this.leaving.length > 0 ? [] : [finding('MESH_SERVERS_MISSING', 'an egress gateway must have an external service that goes via it, got none; set via of an ExternalService')]),
    });
  }

  /** The name by which VirtualServices in this namespace refer to the gateway. */
  public refFrom(namespace?: string): string {
    return namespace === this.namespace || this.namespace === undefined ? this.name : `${this.namespace}/${this.name}`;
  }

  /** The host name by which resources in this namespace address the gateway's Service. Throws MESH_NAMESPACE_MISSING. */
  public hostFrom(namespace?: string): string {
    return this.serviceHost ?? serviceHost(this, this.name, this.namespace, namespace);
  }

  /** Lets a host leave here; the subset is that of the way to the gateway. @internal */
  public _leave(owner: Construct, host: string, subset: string, passthrough: boolean): void {
    if (this.leaving.some((known) => known.host === host)) {
      throw meshError(owner, 'MESH_HOST_SHARED', `a host must leave by egress gateway ${this.node.path} once, got "${host}" twice; give one external service all its ports`);
    }
    this.leaving.push({ host, subset, passthrough });
  }

  private sorted(): Leaving[] {
    return [...this.leaving].sort((a, b) => (a.host < b.host ? -1 : 1));
  }

  private servers(): networking.GatewaySpecServers[] {
    return this.sorted().map(({ host, passthrough }) => ({
      port: { number: 443, name: `${passthrough ? 'tls' : 'https'}-${host.replace(/\*/g, 'all').replace(/\./g, '-').toLowerCase()}`, protocol: passthrough ? 'TLS' : 'HTTPS' },
      hosts: [host],
      tls: { mode: passthrough ? networking.GatewaySpecServersTlsMode.PASSTHROUGH : networking.GatewaySpecServersTlsMode.ISTIO_MUTUAL },
    }));
  }

  /** The gateway tells hosts apart by the name in the handshake, so each has a subset that sends its own. */
  private destinationRule(): networking.DestinationRuleSpec {
    const mode = networking.DestinationRuleSpecSubsetsTrafficPolicyTlsMode.ISTIO_MUTUAL;
    const subsets = this.sorted().map(({ host, subset, passthrough }) => ({
      name: subset, trafficPolicy: passthrough ? undefined : { tls: { mode, sni: host } },
    }));
    return { host: this.hostFrom(this.namespace), subsets };
  }
}

guarded('EgressGateway', EgressGateway);
