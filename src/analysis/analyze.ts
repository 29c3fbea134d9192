import { duplicates } from './duplicates';
import { fieldOf, findingAt, findingOf, sortFindings } from './finding';
import type { Finding } from './finding';
import { FAMILIES } from './rules';
import { refusals } from '../compiler/refusals';
import { MeshError } from '../model/error';
import { withGatewayWorkloads } from '../model/gateway-workloads';
import type { InstalledGateway } from '../model/gateway-workloads';
import { buildModel } from '../model/model';
import type { Model, ModelOptions } from '../model/model';
import { resourcesOf } from '../model/parse';
import { resourceName } from '../model/resource';
import type { Resource } from '../model/resource';
import { contextOf } from './rules/context';
import { checkSchema, KNOWN_KINDS, schemaOf } from './schema/check';
import { absentIn } from './schema/since';

/** Documents with which nothing is wrong by their schema. Nobody changes a document that was read, so they need no second look. */
const fitting = new WeakSet<object>();

/** Everything wrong with the resources of a model, worst first. */
export function analyze(given: Model): Finding[] {
  const model = asWritten(given);
  const findings: Finding[] = [];
  const unsound = new Set<Resource>();
  for (const kind of KNOWN_KINDS) {
    for (const resource of model.of(kind)) {
      const schema = schemaOf(resource.apiVersion, resource.kind);
      if (schema === undefined) continue;
      if (fitting.has(resource.document)) continue;
      const before = findings.length;
      const sound = checkSchema(resource.document, schema, (path, fault) => { findings.push(findingAt(resource, path, fault)); });
      if (!sound) unsound.add(resource);
      else if (findings.length === before) fitting.add(resource.document);
    }
  }
  const context = contextOf(model, unsound, findings);
  for (const family of FAMILIES) family(context);
  return sortFindings([...findings, ...unsupported(given, findings)]);
}

/** The model without what stands for something else, as Gateways and VirtualServices do for an Ingress: people can only change what they wrote. */
function asWritten(model: Model): Model {
  const lists = new Map<string, readonly Resource[]>();
  const of = (kind: string): readonly Resource[] => {
    const known = lists.get(kind) ?? model.of(kind).filter(({ document, kind: own }) => document.kind === undefined || document.kind === own);
    lists.set(kind, known);
    return known;
  };
  return { ...model, of };
}

/** What Istio would act on and this compiler does not; a field that no version of Istio has is told once, by its own finding. */
function unsupported(model: Model, findings: readonly Finding[]): Finding[] {
  const told = new Set(findings.filter(({ code }) => code === 'MESH_FIELD_UNKNOWN').map(({ resource, field }) => `${resource} ${field}`));
  return refusals(model).filter(({ resource, path }) => !told.has(`${resourceName(resource)} ${fieldOf(path)}`)).map(({ code, resource, path, message }) => {
    const cut = message.lastIndexOf('; ');
    return findingAt(resource, path, { code, severity: 'warning', message: message.slice(0, cut), repair: message.slice(cut + 2) });
  });
}

/** What is known of a mesh besides its resources. */
export interface AnalysisOptions extends ModelOptions {
  /** Minor version of Istio 1 that the resources are for. Absent: the newest that is known here. */
  readonly istioMinor?: number;
}

/** Everything wrong with what was read: the errors of reading, then of the resources. */
export function analyzeResources(resources: readonly Resource[], errors: readonly MeshError[] = [], options: AnalysisOptions = {}): Finding[] {
  const read = errors.map(findingOf);
  const later = options.istioMinor === undefined ? [] : absentIn(options.istioMinor, resources);
  try {
    return sortFindings([...read, ...duplicates(resources), ...analyze(buildModel(resources, options)), ...later]);
  } catch (error) {
    // A model that cannot be built is a fault of the input only if it says so.
    if (!(error instanceof MeshError)) throw error;
    return sortFindings([...read, findingOf(error)]);
  }
}

/** The same for manifests, on a cluster where some gateways run already. */
export interface ManifestOptions extends AnalysisOptions {
  /** Gateways that run already. */
  readonly gateways?: readonly InstalledGateway[];
}

/** The same for manifests handed over as objects. */
export function analyzeManifests(objects: readonly unknown[], options: ManifestOptions = {}): Finding[] {
  const { gateways = [], domain } = options;
  try {
    return analyzeResources(withGatewayWorkloads(resourcesOf(objects), { domain, gateways, others: false }).resources, [], options);
  } catch (error) {
    if (!(error instanceof MeshError)) throw error;
    return [findingOf(error)];
  }
}
