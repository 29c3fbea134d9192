/** Names that a Pod resolves to one loopback address, as Kubernetes' `hostAliases` has it. */
export interface HostAlias {
  readonly ip: string;
  readonly hostnames: string[];
}

/** Loopback addresses that stand for services in every Pod: each Pod has a network of its own. */
export const ADDRESS_BLOCK = '127.1.0.0/16';

/**
 * Where applications of a namespace find each service under explicit capture: at the address that their proxy listens on for it.
 * The one door from the constructs to the compiler's table of these addresses.
 */
export function virtualHosts(manifests: readonly unknown[], namespace: string): HostAlias[] {
  const { model, parse, proxy: proxies, explicit } = core();
  const known = model.buildModel(parse.resourcesOf(manifests));
  const proxy = proxies.proxyFromNode({ id: `sidecar~127.0.0.1~any.${namespace}~${namespace}.svc.${known.domain}`, metadata: { CAPTURE: 'explicit', ADDRESS_BLOCK } });
  const aliases = known.services.flatMap((service): HostAlias[] => {
    const [port] = service.ports;
    const address = port === undefined || service.hostname.startsWith('*') ? undefined : explicit.virtualAddress(known, proxy, service, port.number)?.address;
    return address === undefined ? [] : [{ ip: address, hostnames: namesOf(service, namespace) }];
  });
  return aliases.sort((a, b) => (a.hostnames[0] < b.hostnames[0] ? -1 : 1));
}

interface Named { readonly registry: string; readonly name: string; readonly namespace: string; readonly hostname: string }

function namesOf({ registry, name, namespace, hostname }: Named, from: string): string[] {
  if (registry !== 'Kubernetes') return [hostname];
  return [...namespace === from ? [name] : [], `${name}.${namespace}`, `${name}.${namespace}.svc`, hostname];
}

interface Core {
  readonly model: typeof import('../model/model');
  readonly parse: typeof import('../model/parse');
  readonly proxy: typeof import('../model/proxy');
  readonly explicit: typeof import('../compiler/explicit');
}

/** Loaded here, so that an app without such proxies pays nothing for it. */
function core(): Core {
  /* eslint-disable @typescript-eslint/no-require-imports */
  return { model: require('../model/model'), parse: require('../model/parse'), proxy: require('../model/proxy'), explicit: require('../compiler/explicit') };
  /* eslint-enable @typescript-eslint/no-require-imports */
}
