import { INIT, PROXY, proxyOf, VALIDATION, containerOf } from './pod';
import type { Container, Pod } from './pod';
import { goJson } from './proxy-config';
import { strategicMerge } from './strategic-merge';
import { typed } from './typed';
import type { Data } from './typed';
import { isObject, objectsOf, textsOf } from '../model/json';

const STATUS = 'sidecar.istio.io/status';
const OVERRIDES = 'proxy.istio.io/overrides';

/** Containers of a Pod's own that a template has as well, as they were before the first injection. */
export interface Overrides {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
}

/** What an earlier injection says that it added; undefined where there was none. */
export function statusOf(pod: Pod): { readonly containers: readonly string[]; readonly initContainers: readonly string[] } | undefined {
  const text = pod.metadata.annotations?.[STATUS];
  if (text === undefined) return undefined;
  const status = readJson(text);
  return { containers: textsOf(status.containers), initContainers: textsOf(status.initContainers) };
}

/** The annotation that says what a template added. */
export function statusText(template: Data, revision: string): string {
  const spec = template.spec as Data;
  const names = (field: string): string[] | null => {
    const found = objectsOf(spec[field]).map(({ name }) => String(name));
    return found.length > 0 ? found : null;
  };
  return goJson({
    initContainers: names('initContainers'), containers: names('containers'), volumes: names('volumes'), imagePullSecrets: names('imagePullSecrets'), revision,
  });
}

/** The Pod as its author wrote it, as far as templates look: without containers that an earlier injection added, others in the author's form. */
export function asWritten(pod: Pod): Pod {
  const status = statusOf(pod);
  const known = knownOverrides(pod);
  const restored = (containers: readonly Container[] | undefined, added: readonly string[], own: readonly Container[]): Container[] => {
    const kept = (containers ?? []).filter(({ name }) => !added.includes(name));
    return [...kept, ...own.filter(({ name }) => !kept.some(container => container.name === name))];
  };
  return {
    metadata: pod.metadata,
    spec: {
      ...pod.spec,
      containers: restored(pod.spec.containers, status?.containers ?? [], known.containers),
      initContainers: restored(pod.spec.initContainers, status?.initContainers ?? [], known.initContainers),
    },
  };
}

/** Moves the author's own proxy container to where the template has it. */
export function moveProxy(pod: Pod): Pod {
  const own = pod.spec.containers.find(({ name }) => name === PROXY);
  if (own === undefined) return pod;
  const containers = pod.spec.containers.filter(container => container !== own);
  return { ...pod, spec: { ...pod.spec, containers, initContainers: [...pod.spec.initContainers ?? [], own] } };
}

/** Lays the author's own form of containers over what templates made of them, and notes it for the next injection. */
export function reapply(pod: Pod, original: Pod, template: Data, where: string): Pod {
  const known = knownOverrides(original);
  const before = statusOf(original);
  const spec = template.spec as Data;
  const found: { containers: Container[]; initContainers: Container[] } = { containers: [], initContainers: [] };
  let result = pod;
  for (const list of ['containers', 'initContainers'] as const) {
    for (const { name } of objectsOf(spec[list]) as readonly Container[]) {
      const own = known[list].find(container => container.name === name)
        ?? (before?.[list].includes(name) ? undefined : writtenAs(original, list, name));
      if (own === undefined) continue;
      // `auto` stands for the template's image: a container cannot leave it out.
      const { image, ...rest } = own;
      const overlay = (image === undefined || image === 'auto' ? rest : { ...own }) as Container;
      found[list].push(typed('Container', overlay, where) as Container);
      result = strategicMerge('PodTemplateSpec', result as unknown as Data, { spec: { [list]: [overlay] } }) as unknown as Pod;
    }
  }
  if (before === undefined && found.containers.length + found.initContainers.length > 0) {
    const note = Object.fromEntries(Object.entries(found).filter(([, containers]) => containers.length > 0));
    result = { ...result, metadata: { ...result.metadata, annotations: { ...result.metadata.annotations, [OVERRIDES]: goJson(note) } } };
  }
  return result;
}

/** The author's container by that name. A proxy that the template has among the init containers may be written among the others. */
function writtenAs(pod: Pod, list: 'containers' | 'initContainers', name: string): Container | undefined {
  return list === 'containers' ? pod.spec.containers.find(container => container.name === name) : containerOf(pod, name);
}

/** Where the author chose the user of the proxy, the capture must leave that user's traffic alone. */
export function followUser(pod: Pod, original: Pod, tproxy: boolean): void {
  const chosen = proxyOf(original)?.securityContext;
  const capture = pod.spec.initContainers?.find(({ name }) => name === INIT || name === VALIDATION);
  if (capture === undefined || chosen === undefined || chosen.runAsUser === undefined && chosen.runAsGroup === undefined) return;
  const proxy = proxyOf(pod);
  // With TPROXY the proxy must be root.
  if (tproxy && chosen.runAsUser !== undefined && proxy !== undefined) proxy.securityContext = { ...proxy.securityContext, runAsUser: 0 };
  if (!tproxy && capture.name === VALIDATION) {
    capture.securityContext = {
      ...capture.securityContext,
      ...chosen.runAsUser !== undefined && { runAsUser: chosen.runAsUser },
      ...chosen.runAsGroup !== undefined && { runAsGroup: chosen.runAsGroup },
    };
  }
  const flag = capture.args?.indexOf('-u') ?? -1;
  // iptables cannot leave out root's traffic.
  if (flag >= 0 && chosen.runAsUser) capture.args!.splice(flag + 1, 1, String(chosen.runAsUser));
}

function knownOverrides(pod: Pod): Overrides {
  const read = readJson(pod.metadata.annotations?.[OVERRIDES] ?? '{}');
  const containers = (value: unknown): readonly Container[] => objectsOf(value) as unknown as Container[];
  return { containers: containers(read.containers), initContainers: containers(read.initContainers) };
}

/** The object that a text of JSON is; an empty one where it is none, as Istio has it for its own notes. */
function readJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text);
    return isObject(read) ? read : {};
  } catch {
    return {};
  }
}
