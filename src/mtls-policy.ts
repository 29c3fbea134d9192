import { Construct } from 'constructs';
import { security } from '../imports';
import type { MtlsMode } from './mtls-mode';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel, requirePort } from './private/check';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { policySubject } from './private/policy';

/** Properties for `MtlsPolicy`. */
export interface MtlsPolicyProps {
  /** Which connections sidecars accept. Renders `mtls.mode`. */
  readonly mode: MtlsMode;
  /**
   * Whose sidecars.
   * @default - all workloads of the namespace
   */
  readonly service?: IPolicyTarget;
  /**
   * Other modes for some ports, by the number that the container listens on (`targetPort`, not the port that callers dial). Renders `portLevelMtls`.
   * @default - none
   */
  readonly ports?: { [targetPort: string]: MtlsMode };
  /**
   * Name of the PeerAuthentication. Without `service` there can be one for a namespace, which Istio's users call `default`.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the PeerAuthentication.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * Which connections the sidecars of some workloads accept: mutual TLS only, plain text as well, or plain text only. Narrower policies
 * replace wider ones: port before service before namespace before mesh.
 * Renders one PeerAuthentication.
 * @example
 * new MtlsPolicy(this, 'db-mtls', { service: ratings, mode: MtlsMode.PERMISSIVE });
 */
export class MtlsPolicy extends Construct {
  /** Name of the PeerAuthentication. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_PORT_INVALID, and MESH_SELECTOR_MISSING for ports without a service. */
  public constructor(scope: Construct, id: string, props: MtlsPolicyProps) {
    super(scope, id);
    requireProps(this, 'MtlsPolicyProps', props);
    this.name = requireLabel(this, 'the name of a PeerAuthentication', props.name ?? id, 'choose another construct id or set name');
    const { namespace, selector } = policySubject(this, props.service, props.namespace);
    this.node.defaultChild = new security.PeerAuthentication(this, 'PeerAuthentication', {
      metadata: ownedMetadata(this, this.name, namespace),
      spec: { selector, mtls: { mode: modeOf(props.mode) }, portLevelMtls: this.portLevel(props) },
    });
  }

  private portLevel({ ports, service }: MtlsPolicyProps): security.PeerAuthenticationSpec['portLevelMtls'] {
    const entries = Object.entries(ports ?? {});
    if (entries.length === 0) return undefined;
    // Istio takes such a policy and then ignores its ports.
    if (service === undefined) throw meshError(this, 'MESH_SELECTOR_MISSING', `ports must be those of a service, got ${entries.map(([port]) => port).join(', ')} without one; set service`);
    return Object.fromEntries(entries.map(([port, mode]) => [requirePort('a port of ports', Number(port), this), { mode: modeOf(mode) as string as security.PeerAuthenticationSpecPortLevelMtlsMode }]));
  }
}

guarded('MtlsPolicy', MtlsPolicy);

function modeOf(mode: MtlsMode): security.PeerAuthenticationSpecMtlsMode {
  return mode as string as security.PeerAuthenticationSpecMtlsMode;
}
