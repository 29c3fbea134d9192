import { isIntercepted } from './iptables';
import type { Compiler } from '../../compiler/compiler';
import { createCompiler } from '../../compiler/compiler';
import { prepare, type PreparedProxy } from '../../evaluator';
import type { Model } from '../../model/model';
import { proxyOf, type Proxy, type ProxyOptions } from '../../model/proxy';
import type { Workload } from '../../model/service';

/** A workload's proxy, compiled and ready to be asked. */
export interface ReadyProxy {
  readonly workload: Workload;
  readonly proxy: Proxy;
  readonly prepared: PreparedProxy;
  /** `productpage-v1.default`. */
  readonly name: string;
}

/** Whether the kernel of its Pod leads connections to the proxy, and the application knows nothing of it. */
export const isCaptured = ({ workload, proxy }: ReadyProxy): boolean => proxy.capture === 'iptables' && isIntercepted(workload);

/** The proxies of a mesh, each compiled when it is first asked. */
export interface Proxies {
  readonly model: Model;
  readonly of: (workload: Workload) => ReadyProxy;
  readonly byAddress: (address: string) => Workload | undefined;
}

/** How the proxies are made, where not as Istio's own on a cluster. */
export interface ProxiesOptions extends Pick<ProxyOptions, 'capture' | 'dialect' | 'explicit'> {
  /** A compiler that has compiled some of the proxies already. */
  readonly compiler?: Compiler;
}

export function proxiesOf(model: Model, { compiler = createCompiler(model), ...options }: ProxiesOptions = {}): Proxies {
  const ready = new Map<Workload, ReadyProxy>();
  const byAddress = new Map<string, Workload>();
  for (const workload of model.workloads) {
    for (const ip of workload.ips) {
      if (!byAddress.has(ip)) byAddress.set(ip, workload);
    }
  }
  return {
    model,
    byAddress: address => byAddress.get(address),
    of: workload => {
      let found = ready.get(workload);
      if (found === undefined) {
        const proxy = proxyOf(model, workload, options);
        found = { workload, proxy, prepared: prepare(compiler.compile(proxy)), name: workloadName(workload) };
        ready.set(workload, found);
      }
      return found;
    },
  };
}

/** A workload as people name it: its controller's name and its namespace. */
export function workloadName({ workload, name, namespace }: Workload): string {
  return `${workload === '' ? name : workload}.${namespace}`;
}

/** Whether Istio's injector gives, or has given, a workload a sidecar; a gateway is a proxy itself. */
export function hasProxy({ gateway, labels }: Pick<Workload, 'gateway' | 'labels'>): boolean {
  return gateway || labels['security.istio.io/tlsMode'] === 'istio';
}
