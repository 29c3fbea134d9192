import type { HttpRoute, VirtualServiceSpec } from '../../compiler/istio-api';
import { withDelegates } from '../../compiler/scope/delegates';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import { closest } from '../../model/suggest';
import { delegateSource } from '../reachability/rules';
import type { Context } from '../rules/context';

type Rule = Resource<VirtualServiceSpec>;

/** Delegates that do not exist, that delegate in turn, or whose matches cannot hold together with those of their root. */
export function delegateAnalysis(context: Context): void {
  const source = delegateSource(context);
  const all = context.sound<VirtualServiceSpec>('VirtualService');
  const named = new Map(all.map(rule => [`${rule.metadata.namespace}/${rule.metadata.name}`, rule]));
  const used = new Set<Rule>();
  for (const root of all) {
    root.spec?.http?.forEach((rule, index) => {
      if (rule.delegate === undefined) return;
      const key = `${rule.delegate.namespace === undefined || rule.delegate.namespace === '' ? root.metadata.namespace : rule.delegate.namespace}/${rule.delegate.name ?? ''}`;
      const path = ['spec', 'http', index, 'delegate'];
      const found = source.delegates.get(key);
      if (found === undefined) {
        const other = named.get(key);
        const meant = closest(key, source.delegates.keys());
        return context.report(root, path, {
          code: other === undefined ? 'MESH_DELEGATE_MISSING' : 'MESH_DELEGATE_INVALID',
          istioCode: other === undefined ? 'IST0101' : undefined,
          message: other === undefined ? `hands requests to the VirtualService ${key}, which does not exist` : `hands requests to ${key}, which has hosts of its own and is no delegate`,
          repair: other !== undefined ? 'remove hosts and gateways from it' : meant === undefined ? 'declare it, without hosts and gateways' : `did you mean ${meant}?`,
        });
      }
      used.add(found);
      conflicts(context, root, rule, index, found, key);
    });
  }
  for (const delegate of source.delegates.values()) {
    if (!used.has(delegate) && delegate.spec?.http !== undefined) {
      context.report(delegate, ['spec'], {
        code: 'MESH_DELEGATE_UNUSED',
        severity: 'warning',
        message: 'a VirtualService without hosts acts only where another one delegates to it, got none that does',
        repair: 'add hosts, or delegate: {name: …} to a rule of another VirtualService',
      });
    }
  }
}

/** Rules of the delegate that the root's matches leave nothing. */
function conflicts(context: Context, root: Rule, rule: HttpRoute, index: number, delegate: Rule, key: string): void {
  delegate.spec.http?.forEach((own, number) => {
    const alone = new Map([[key, { ...delegate, spec: { ...delegate.spec, exportTo: ['*'], http: [own] } }]]);
    const merged = withDelegates({ ...root, spec: { http: [rule] } }, { domain: context.model.domain, defaultExportTo: ['*'], delegates: alone });
    if ((merged ?? []).length > 0) return;
    context.report(delegate, ['spec', 'http', number], {
      code: 'MESH_DELEGATE_CONFLICT',
      severity: 'warning',
      message: `spec.http[${number}] can never match together with spec.http[${index}] of ${resourceName(root)}, which delegates to it; Istio leaves the rule out`,
      repair: 'make each of its matches narrower than those of the root, of the same kind',
    });
  });
}
