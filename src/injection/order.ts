import { INIT, PROXY, VALIDATION } from './pod';
import type { Container, Pod } from './pod';

/**
 * Puts the containers in the order in which they must start. The proxy is last, so that `kubectl exec` means the application, or first
 * where the application waits for it. Capture comes after the application's own init containers, which would else reach nothing; a native
 * proxy and its capture come before them, so that they are in the mesh too.
 */
export function reorder(pod: Pod, holdsApplication: boolean): void {
  const { spec } = pod;
  spec.containers = holdsApplication ? first(spec.containers, PROXY) : last(spec.containers, PROXY);
  const init = spec.initContainers ?? [];
  spec.initContainers = init.some(({ name }) => name === PROXY)
    ? first(first(first(init, PROXY), VALIDATION), INIT)
    : last(first(init, VALIDATION), INIT);
}

function first(containers: readonly Container[], name: string): Container[] {
  return [...containers.filter(container => container.name === name), ...containers.filter(container => container.name !== name)];
}

function last(containers: readonly Container[], name: string): Container[] {
  return [...containers.filter(container => container.name !== name), ...containers.filter(container => container.name === name)];
}
