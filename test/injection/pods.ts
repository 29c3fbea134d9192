import { inject } from '../../src/injection';
import type { InjectionOptions } from '../../src/injection';
import type { Container, Pod } from '../../src/injection/pod';

export interface Wish {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly container?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly metadata?: Record<string, unknown>;
}

/** A Deployment `web` of one container. */
export function deployment({ annotations, labels, container, spec, metadata }: Wish = {}): Record<string, unknown> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', ...metadata },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web', ...labels }, annotations }, spec: { containers: [{ name: 'web', image: 'web:1', ...container }], ...spec } },
    },
  };
}

/** The Pod template that comes of it. */
export function injected(wish: Wish = {}, options: InjectionOptions = {}): Pod {
  const [object] = inject([deployment(wish)], options).objects as [{ spec: { template: Pod } }];
  const again = inject([object], options).objects as unknown[];
  // Whatever is asked for, a second injection changes nothing.
  if (JSON.stringify(again[0]) !== JSON.stringify(object)) throw new Error(`twice is not once: ${JSON.stringify(again[0])}`);
  return object.spec.template;
}

export function proxyOf(pod: Pod): Container {
  return [...pod.spec.containers, ...pod.spec.initContainers ?? []].find(({ name }) => name === 'istio-proxy')!;
}

export function captureOf(pod: Pod): Container {
  return pod.spec.initContainers!.find(({ name }) => name === 'istio-init' || name === 'istio-validation')!;
}

/** The argument after a flag. */
export function argument(container: Container, flag: string): string | undefined {
  const at = container.args!.indexOf(flag);
  return at < 0 ? undefined : container.args![at + 1];
}

export function variable(container: Container, name: string): unknown {
  const found = container.env!.find(entry => entry.name === name);
  return found?.value ?? found?.valueFrom;
}
