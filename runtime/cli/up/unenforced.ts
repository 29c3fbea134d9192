import { createCompiler } from '../../../src/compiler/compiler';
import { prepareListener } from '../../../src/evaluator';
import { MeshError } from '../../../src/model/error';
import { objectOf, objectsOf, textMapOf } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import { proxyOf } from '../../../src/model/proxy';
import type { Resource } from '../../../src/model/resource';
import { resourceName, whereOf } from '../../../src/model/resource';
import { selects } from '../../../src/model/selectors';
import type { Workload } from '../../../src/model/service';
import { unsupportedFilters } from '../../proxy/xds-client/supported-filters';

const REPAIR = 'use --data-plane envoy';

/** Kinds from which filters come that the reference proxy lacks; without any of them nothing has to be compiled to know. */
const KINDS = ['AuthorizationPolicy', 'RequestAuthentication', 'EnvoyFilter', 'WasmPlugin', 'TrafficExtension', 'Telemetry'] as const;

/** Which kind asks for a filter, by its type; whatever else there is comes of an extension. */
const BY_TYPE: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.(?:rbac|ext_authz)\./, ['AuthorizationPolicy']], [/\.jwt_authn\./, ['RequestAuthentication']], [/./, ['EnvoyFilter', 'WasmPlugin', 'TrafficExtension', 'Telemetry']],
];

/** Policies that the reference proxy does not enforce, and would have to: each once, with the filter that it lacks. */
export function unenforced(model: Model): MeshError[] {
  return [...unenforcedFilters(model), ...hashes(model)];
}

function unenforcedFilters(model: Model): MeshError[] {
  if (KINDS.every(kind => model.of(kind).length === 0)) return [];
  const compiler = createCompiler(model);
  const found = new Map<Resource, string>();
  const seen = new Set<unknown>();
  for (const workload of model.workloads) {
    for (const listener of compiler.compile(proxyOf(model, workload, { dialect: 'stock' })).listeners) {
      if (seen.has(listener)) continue;
      seen.add(listener);
      for (const { filter, type } of unsupportedFilters(prepareListener(listener))) {
        const kinds = BY_TYPE.find(([pattern]) => pattern.test(type))![1];
        for (const resource of kinds.flatMap(kind => policiesOf(model, kind, workload))) if (!found.has(resource)) found.set(resource, filter);
      }
    }
  }
  return [...found].map(([resource, filter]) => new MeshError('MESH_POLICY_UNSUPPORTED',
    `the reference proxy enforces no ${resource.kind}, got ${resourceName(resource)}, which needs the ${filter}; ${REPAIR}`, whereOf(resource, ['spec'])));
}

/** Policies of a kind that are about a workload. */
function policiesOf(model: Model, kind: string, { namespace, labels }: Workload): readonly Resource[] {
  return model.of(kind).filter(({ metadata, spec }) => [namespace, model.config.rootNamespace].includes(metadata.namespace)
    && selects(textMapOf(objectOf(spec.selector).matchLabels), labels) && selects(textMapOf(objectOf(spec.workloadSelector).labels), labels));
}

function hashes(model: Model): MeshError[] {
  return model.of('DestinationRule').flatMap((rule) => {
    const own = objectOf(rule.spec.trafficPolicy);
    const policies = [own, ...objectsOf(own.portLevelSettings), ...objectsOf(rule.spec.subsets).map(subset => objectOf(subset.trafficPolicy))];
    if (policies.every(policy => objectOf(policy.loadBalancer).consistentHash === undefined)) return [];
    return [new MeshError('MESH_POLICY_UNSUPPORTED',
      `the reference proxy balances by no hash, got ${resourceName(rule)} with consistentHash; ${REPAIR}`, whereOf(rule, ['spec']))];
  });
}
