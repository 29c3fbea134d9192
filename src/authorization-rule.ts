import { Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { security } from '../imports';
import type { AccessCondition, AccessOperation, AccessSource } from './access-match';
import type { IPolicyTarget } from './policy-target';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { ownedMetadata } from './private/metadata';
import { policySubject } from './private/policy';

/** What becomes of requests that an `AuthorizationRule` is about. DENY is asked first; then, where any ALLOW is about a workload, all else is refused. */
export enum AccessAction {
  /** They may pass; what no ALLOW rule of the workload is about is refused. */
  ALLOW = 'ALLOW',
  /** They are refused, whatever else allows them. */
  DENY = 'DENY',
  /** They are noted for an audit log; nothing else changes. */
  AUDIT = 'AUDIT',
}

/** Properties for `AuthorizationRule`. */
export interface AuthorizationRuleProps {
  /**
   * Whose requests are decided.
   * @default - those to all workloads of the namespace
   */
  readonly to?: IPolicyTarget;
  /**
   * What becomes of them.
   * @default AccessAction.ALLOW
   */
  readonly action?: AccessAction;
  /**
   * Callers, as alternatives. `[]` means nobody: an ALLOW rule from nobody refuses everything that no other rule allows.
   * @default - any caller
   */
  readonly from?: AccessSource[];
  /**
   * What they ask for, as alternatives.
   * @default - anything
   */
  readonly operations?: AccessOperation[];
  /**
   * What else must hold, all of it.
   * @default - nothing
   */
  readonly when?: AccessCondition[];
  /**
   * Whether the rule only says, in logs and metrics, what it would do. Renders the annotation `istio.io/dry-run`.
   * @default false
   */
  readonly dryRun?: boolean;
  /**
   * Name of the AuthorizationPolicy.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the AuthorizationPolicy.
   * @default - that of the workloads, else the chart's
   */
  readonly namespace?: string;
}

/**
 * Who may ask what of some workloads. Renders one AuthorizationPolicy.
 * @example
 * new AuthorizationRule(this, 'readers', {
 *   to: reviews,
 *   from: [AccessSource.service(productpage), AccessSource.namespace('ops')],
 *   operations: [AccessOperation.http({ methods: ['GET'], paths: ['/reviews/*'] })],
 * });
 */
export class AuthorizationRule extends Construct {
  /** Name of the AuthorizationPolicy. */
  public readonly name: string;
  /** What becomes of the requests. */
  public readonly action: AccessAction;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_NAMESPACE_MISSING, MESH_ACCOUNT_UNKNOWN, MESH_ACCESS_INVALID. */
  public constructor(scope: Construct, id: string, props: AuthorizationRuleProps) {
    super(scope, id);
    this.name = requireLabel(this, 'the name of an AuthorizationPolicy', props.name ?? id, 'choose another construct id or set name');
    this.action = props.action ?? AccessAction.ALLOW;
    const { namespace, selector } = policySubject(this, props.to, props.namespace);
    const metadata = ownedMetadata(this, this.name, namespace);
    const action = this.action as string as security.AuthorizationPolicySpecAction;
    this.rules(props); // throws here what is wrong, where the caller stands
    new security.AuthorizationPolicy(this, 'AuthorizationPolicy', {
      metadata: { ...metadata, annotations: { ...metadata.annotations, ...(props.dryRun === true && { 'istio.io/dry-run': 'true' }) } },
      // Versions of a caller may still come, with accounts of their own.
      spec: Lazy.any({ produce: (): security.AuthorizationPolicySpec => ({ selector, action, rules: this.rules(props) }) }),
    });
  }

  private rules({ from, operations, when }: AuthorizationRuleProps): security.AuthorizationPolicySpecRules[] | undefined {
    if (operations?.length === 0) throw meshError(this, 'MESH_ACCESS_INVALID', 'operations must name at least one, got []; leave it away for any');
    if (from?.length === 0) {
      if (this.action === AccessAction.ALLOW) return undefined;
      throw meshError(this, 'MESH_ACCESS_INVALID', `a rule that is to ${this.action} must have callers, got from: []; leave it away for any`);
    }
    return [{
      from: from?.map((source) => ({ source: source._toKube(this) })),
      to: operations?.map((operation) => ({ operation: operation._toKube() })),
      when: when === undefined || when.length === 0 ? undefined : when.map((condition) => condition._toKube()),
    }];
  }
}
