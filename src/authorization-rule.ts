import { Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { security } from '../imports';
import type { AccessCondition, AccessOperation, AccessSource } from './access-match';
import type { ExternalAuthorizer } from './external-authorizer';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
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
  /** An `ExternalAuthorizer` is asked, before all else; what it refuses is refused. */
  CUSTOM = 'CUSTOM',
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
   * @default AccessAction.CUSTOM where there is an authorizer, else AccessAction.ALLOW
   */
  readonly action?: AccessAction;
  /**
   * Who is asked. Istio asks one authorizer for a workload: two rules with different ones deny everything, which a `Mesh` finds at synthesis.
   * @default - nobody
   */
  readonly authorizer?: ExternalAuthorizer;
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
    requireProps(this, 'AuthorizationRuleProps', props);
    this.name = requireLabel(this, 'the name of an AuthorizationPolicy', props.name ?? id, 'choose another construct id or set name');
    this.action = props.action ?? (props.authorizer === undefined ? AccessAction.ALLOW : AccessAction.CUSTOM);
    this.requireAuthorizer(props);
    const { namespace, selector } = policySubject(this, props.to, props.namespace);
    const metadata = ownedMetadata(this, this.name, namespace);
    const action = this.action as string as security.AuthorizationPolicySpecAction;
    const provider = props.authorizer && { name: props.authorizer.name };
    this.rules(props); // throws here what is wrong, where the caller stands
    this.node.defaultChild = new security.AuthorizationPolicy(this, 'AuthorizationPolicy', {
      metadata: { ...metadata, annotations: { ...metadata.annotations, ...(props.dryRun === true && { 'istio.io/dry-run': 'true' }) } },
      // Versions of a caller may still come, with accounts of their own.
      spec: Lazy.any({ produce: (): security.AuthorizationPolicySpec => ({ selector, action, provider, rules: this.rules(props) }) }),
    });
  }

  /** Istio asks before it looks at certificates and tokens, and has no dry run of it. */
  private requireAuthorizer({ authorizer, dryRun, from, when }: AuthorizationRuleProps): void {
    const custom = this.action === AccessAction.CUSTOM;
    if (custom !== (authorizer !== undefined)) {
      throw meshError(this, 'MESH_ACCESS_INVALID', `action CUSTOM and an authorizer must come together, got action ${this.action} ${custom ? 'without' : 'with'} one; ${custom ? 'set authorizer' : 'leave action away'}`);
    }
    if (!custom) return;
    if (dryRun === true) throw meshError(this, 'MESH_ACCESS_INVALID', 'dryRun must be false where an authorizer is asked, got true; leave it away');
    const sources = (from ?? []).flatMap((source) => Object.entries(source._toKube(this)));
    const fields = sources.filter(([, value]) => value !== undefined).map(([field]) => field);
    const bad = [...fields, ...(when ?? []).map((condition) => condition._toKube().key)].find((field) => WHO.test(field));
    if (bad !== undefined) {
      throw meshError(this, 'MESH_ACCESS_INVALID', `which requests an authorizer is asked about must not depend on identities, got ${bad}; use addresses, or let it decide`);
    }
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

guarded('AuthorizationRule', AuthorizationRule);

/** Fields of callers, and keys of conditions, that are known only after an authorizer was asked. */
const WHO = /^(?:(?:not)?(?:namespaces|principals|requestPrincipals)|source\.(?:namespace|principal|serviceAccount|trustDomain)|request\.auth\..*)$/i;
