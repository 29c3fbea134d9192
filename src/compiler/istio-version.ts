import type { Proxy } from '../model/proxy';

/** Whether a proxy is of a version of Istio or a later one. One that does not say is taken for the newest, as istiod does. */
export function istioAtLeast({ metadata }: Pick<Proxy, 'metadata'>, major: number, minor: number): boolean {
  const found = /^(\d+)\.(\d+)/.exec(typeof metadata.ISTIO_VERSION === 'string' ? metadata.ISTIO_VERSION : '');
  if (found === null) return true;
  const [own, ownMinor] = [Number(found[1]), Number(found[2])];
  return own > major || (own === major && ownMinor >= minor);
}
