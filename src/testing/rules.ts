import type { RuleCoverage } from './rule-coverage';
import type { Explanation } from '../analysis/explain';
import { objectsOf } from '../model/json';
import type { Model } from '../model/model';
import { resourceName, whereOf, type Resource } from '../model/resource';

const POLICY = /(?:^|-)ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]$/;

/** Counts which rules decide. HTTP rules of VirtualServices and rules of AuthorizationPolicies are known by where they are written. */
export class RuleCounter {
  private readonly requests = new Map<string, number>();

  public constructor(private readonly model: Model) {}

  /** A request was decided so. */
  public count({ rule, trace }: Explanation): void {
    const taken = new Set(rule === undefined || rule.written === '' ? [] : [rule.written]);
    for (const { step, outcome, name } of trace) {
      const [, namespace, policy, index] = step === 'policy' && outcome === 'chosen' ? POLICY.exec(name) ?? [] : [];
      if (index !== undefined) taken.add(`AuthorizationPolicy/${namespace}/${policy} spec.rules[${index}]`);
    }
    taken.forEach(key => this.requests.set(key, (this.requests.get(key) ?? 0) + 1));
  }

  /** All rules of the mesh, as they are written. */
  public coverage(): RuleCoverage[] {
    return [...this.rulesOf('VirtualService', 'http'), ...this.rulesOf('AuthorizationPolicy', 'rules')];
  }

  private rulesOf(kind: string, list: string): RuleCoverage[] {
    return this.model.of(kind).flatMap((resource: Resource) => objectsOf(resource.spec[list]).map((rule, i) => {
      const place = `spec.${list}[${i}]`;
      return {
        resource: resourceName(resource),
        rule: typeof rule.name === 'string' ? rule.name : place,
        where: whereOf(resource, ['spec', list, i]),
        requests: this.requests.get(`${resourceName(resource)} ${place}`) ?? 0,
      };
    }));
  }
}
