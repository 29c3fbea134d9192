import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { networking } from '../imports';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { gatewayPods } from './private/gateway-pods';
import { namespaceIn, ownedMetadata } from './private/metadata';

/** Properties for `EastWestGateway`. */
export interface EastWestGatewayProps {
  /** Name of the network that the gateway leads into: that of the pods behind it (`topology.istio.io/network`). */
  readonly network: string;
  /**
   * Number of pods.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Name of the Gateway, Deployment, Service and ServiceAccount.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of these. Istio looks for its own in `istio-system`.
   * @default - the chart's
   */
  readonly namespace?: string;
}

/**
 * The door for the other clusters of one mesh: takes mutual TLS on port 15443 and passes it on to the service that the handshake names, without a look inside.
 * Renders a Gateway with AUTO_PASSTHROUGH for `*.local`, and the Deployment, Service (LoadBalancer) and ServiceAccount that serve it.
 * @example
 * new EastWestGateway(this, 'istio-eastwestgateway', { network: 'network1', namespace: 'istio-system' });
 */
export class EastWestGateway extends Construct {
  /** Name of the Gateway. */
  public readonly name: string;
  /** The Deployment. */
  public readonly deployment: kplus.Deployment;
  /** The Service, whose address the other clusters need. */
  public readonly service: kplus.Service;

  /** Throws MESH_NAME_INVALID, MESH_LIMIT_INVALID for `replicas`. */
  public constructor(scope: Construct, id: string, props: EastWestGatewayProps) {
    super(scope, id);
    requireProps(this, 'EastWestGatewayProps', props);
    this.name = requireLabel(this, 'the name of a Gateway', props.name ?? id, 'choose another construct id or set name');
    const network = requireLabel(this, 'network', props.network, 'give the name of a network');
    const namespace = namespaceIn(this, props.namespace);
    const selector = { istio: this.name };
    const pods = gatewayPods(this, {
      name: this.name,
      namespace,
      selector,
      labels: { 'topology.istio.io/network': network },
      ports: [{ name: 'status-port', number: 15021, target: 15021 }, { name: 'tls', number: 15443, target: 15443 }],
      replicas: props.replicas,
      secrets: false,
      environment: { ISTIO_META_REQUESTED_NETWORK_VIEW: network },
    });
    this.deployment = pods.deployment;
    this.service = pods.service;
    this.service.metadata.addLabel('topology.istio.io/network', network); // by this the control planes find the gateway of a network
    this.node.defaultChild = new networking.Gateway(this, 'Gateway', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: {
        selector,
        servers: [{
          port: { number: 15443, name: 'tls', protocol: 'TLS' },
          hosts: ['*.local'],
          tls: { mode: networking.GatewaySpecServersTlsMode.AUTO_PASSTHROUGH },
        }],
      },
    });
  }
}

guarded('EastWestGateway', EastWestGateway);
