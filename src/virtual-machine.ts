import { isIP } from 'net';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { MeshService } from './mesh-service';
import { guarded, requireProps } from './private/arguments';
import { requireInteger, requireLabel } from './private/check';
import { meshError } from './private/errors';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { portNames } from './private/ports';
import { requireLabels } from './private/text';

/** Properties for `VirtualMachine`. */
export interface VirtualMachineProps {
  /** The service that runs there: its pods and these machines together answer for it. */
  readonly service: MeshService;
  /**
   * Addresses of machines that are there now, IPv4 or IPv6. Machines that register by themselves need none.
   * @default - none: the group only says what a machine that registers will be
   */
  readonly addresses?: string[];
  /**
   * Version that the machines run: the label by which subsets are chosen.
   * @default - none
   */
  readonly version?: string;
  /**
   * Further labels of the machines.
   * @default - none
   */
  readonly labels?: { [name: string]: string };
  /**
   * Network that the machines are in, where pods cannot reach them directly.
   * @default - that of the pods
   */
  readonly network?: string;
  /**
   * Place of the machines: `region/zone/subzone`, or its beginning.
   * @default - none
   */
  readonly locality?: string;
  /**
   * Share of requests in proportion to other endpoints, 0 or more.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Name of the WorkloadGroup; each WorkloadEntry has it and a number.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * Machines outside Kubernetes that run a service of the mesh, with a sidecar of their own and the identity of the service.
 * Renders a WorkloadGroup, and a WorkloadEntry for each address.
 * @example
 * new VirtualMachine(this, 'reviews-vm', { service: reviews, version: 'v2', addresses: ['10.0.3.7'] });
 */
export class VirtualMachine extends Construct {
  /** Name of the WorkloadGroup. */
  public readonly name: string;
  /** Labels of the machines. */
  public readonly labels: { [name: string]: string };

  /** Throws MESH_ADDRESS_INVALID, MESH_LABEL_DIFFERENT, MESH_LABEL_INVALID, MESH_NAME_INVALID, MESH_WEIGHT_INVALID. */
  public constructor(scope: Construct, id: string, props: VirtualMachineProps) {
    super(scope, id);
    requireProps(this, 'VirtualMachineProps', props);
    const { service, version, network, locality, weight, addresses = [] } = props;
    this.name = requireLabel(this, 'the name of a WorkloadGroup', props.name ?? id, 'choose another construct id or set name');
    const own: { [name: string]: string } = { ...service.podLabels, ...version !== undefined && { version } };
    const clash = Object.keys(own).find((key) => props.labels?.[key] !== undefined);
    if (clash !== undefined) throw meshError(this, 'MESH_LABEL_DIFFERENT', `labels must not set "${clash}", which follows from service and version, got ${clash}=${props.labels![clash]}; leave it away`);
    this.labels = requireLabels(this, 'labels', { ...props.labels, ...own });
    const bad = addresses.find((address, index) => isIP(address) === 0 || addresses.indexOf(address) < index);
    if (bad !== undefined) throw meshError(this, 'MESH_ADDRESS_INVALID', `addresses must be distinct IP addresses, got "${bad}"; list each address once`);
    if (weight !== undefined) requireInteger(this, 'MESH_WEIGHT_INVALID', 'weight', weight, 0, 4294967295);
    const names = portNames(service.ports);
    const namespace = namespaceIn(service, service.namespace);
    const template = {
      serviceAccount: service.serviceAccount.name,
      ports: Object.fromEntries(service.ports.map((port, index) => [names[index], port.targetPort])),
      network,
      locality,
      weight,
    };
    this.node.defaultChild = new networking.WorkloadGroup(this, 'WorkloadGroup', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: { metadata: { labels: this.labels }, template },
    });
    addresses.forEach((address, index) => new networking.WorkloadEntry(this, `WorkloadEntry-${address}`, {
      metadata: ownedMetadata(this, `${this.name}-${index + 1}`, namespace, this.labels),
      spec: { address, labels: this.labels, ...template },
    }));
  }
}

guarded('VirtualMachine', VirtualMachine);
