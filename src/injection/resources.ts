import { annotationsOf, proxyOf } from './pod';
import type { Pod } from './pod';
import { formatQuantity, parseQuantity } from './quantity';
import type { Quantity } from './quantity';
import type { Data } from './typed';
import type { Values } from './values';
import { isObject, objectOf } from '../model/json';
import type { Json } from '../model/json';

/** Requests and limits of the proxy: those of the Pod's annotations alone where there is one of them, else those of the values. */
export function proxyResources(pod: Pod, values: Values): Data {
  const given = annotationsOf(pod);
  const [cpu, memory, cpuLimit, memoryLimit] = ['proxyCPU', 'proxyMemory', 'proxyCPULimit', 'proxyMemoryLimit'].map(name => given[`sidecar.istio.io/${name}`]);
  if ([cpu, memory, cpuLimit, memoryLimit].every(value => value === undefined)) return withoutNulls(values.global.proxy.resources as Json);
  const pair = (name: string, one: string | undefined, other: string | undefined): Data => (one === undefined && other === undefined ? {}
    : { [name]: { ...one !== undefined && { cpu: one }, ...other !== undefined && { memory: other } } });
  return { ...pair('requests', cpu, memory), ...pair('limits', cpuLimit, memoryLimit) };
}

/** CPU and memory in Kubernetes' notation; a resource that nobody asked for is absent. */
export interface Amount {
  readonly cpu?: string;
  readonly memory?: string;
}

/** What one sidecar adds to its Pod. */
export interface Added {
  readonly requests: Amount;
  readonly limits: Amount;
}

/** What the proxy of an injected Pod asks for. The init container asks for no more, and ends before the Pod runs. */
export function addedBy(pod: Pod): Added {
  const resources = objectOf(proxyOf(pod)?.resources);
  const amount = (value: unknown): Amount => Object.fromEntries(['cpu', 'memory'].flatMap((name) => {
    const quantity = objectOf(value)[name];
    return typeof quantity === 'string' ? [[name, quantity]] : [];
  }));
  return { requests: amount(resources.requests), limits: amount(resources.limits) };
}

/** The sum of what sidecars add, each so many times. */
export function sumOf(parts: readonly { readonly added: Added; readonly times: number }[]): Added {
  const total = (which: 'requests' | 'limits', name: 'cpu' | 'memory'): Amount => {
    let sum: Quantity | undefined;
    for (const { added, times } of parts) {
      const quantity = parseQuantity(added[which][name] ?? '');
      if (quantity !== undefined) sum = { format: sum?.format ?? quantity.format, nano: (sum?.nano ?? 0n) + quantity.nano * BigInt(times) };
    }
    return sum === undefined ? {} : { [name]: formatQuantity(sum) };
  };
  return { requests: { ...total('requests', 'cpu'), ...total('requests', 'memory') }, limits: { ...total('limits', 'cpu'), ...total('limits', 'memory') } };
}

function withoutNulls(value: Json): Data {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null && entry !== undefined)
    .map(([key, entry]) => [key, isObject(entry) ? withoutNulls(entry) : entry])
    .filter(([, entry]) => !isObject(entry) || Object.keys(entry).length > 0));
}
