import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import type { InjectionOptions } from '../injection';
import { MeshError } from '../model/error';

/** Objects that render with a sidecar, each with the options it was asked for with. */
const injected = new WeakMap<ApiObject, string>();

/** Makes every workload at or below `scope` render with Istio's sidecar, those added later too. Nothing but the rendering changes. */
export function injectAtSynthesis(scope: IConstruct, options: InjectionOptions): void {
  const key = JSON.stringify(options);
  const reach = () => scope.node.findAll().filter((construct): construct is ApiObject => ApiObject.isApiObject(construct))
    .forEach((object) => wrap(object, options, key));
  reach();
  // cdk8s validates before it renders: by then the tree is whole.
  scope.node.addValidation({
    validate: () => {
      reach();
      return [];
    },
  });
}

function wrap(object: ApiObject, options: InjectionOptions, key: string): void {
  const known = injected.get(object);
  if (known === key) return;
  if (known !== undefined) throw meshError(object, 'MESH_INJECT_TWICE', `a workload must be injected in one way, got ${key} after ${known}; inject it once`);
  injected.set(object, key);
  const render = object.toJson.bind(object);
  object.toJson = () => {
    const manifest: unknown = render();
    try {
      const { objects: [made] } = injector().inject([manifest], { ...options, namespaceLabels: namespaceLabels(object) });
      return made === manifest ? manifest : ordered(sorted(made) as Record<string, unknown>);
    } catch (error) {
      if (error instanceof MeshError) throw meshError(object, error.code, error.rule);
      throw error;
    }
  };
}

/** Labels of the Namespaces that stand in the same app. */
function namespaceLabels(object: ApiObject): Record<string, Record<string, string>> {
  const namespaces = object.node.root.node.findAll().filter((construct): construct is ApiObject => ApiObject.isApiObject(construct) && construct.kind === 'Namespace');
  return Object.fromEntries(namespaces.map((namespace) => [namespace.name, { ...namespace.toJson().metadata?.labels }]));
}

/** As cdk8s writes an object: fields in alphabetical order, but first what it is. */
function ordered({ apiVersion, kind, metadata, ...rest }: Record<string, unknown>): unknown {
  return { apiVersion, kind, metadata, ...rest };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, sorted(entry)]));
}

function injector(): typeof import('../injection') {
  // Loaded here, so that an app that injects nothing pays nothing for it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('../injection');
}
