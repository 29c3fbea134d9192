import { indexResources } from './index-resources';
import { withIngresses } from './ingress';
import { numberOf, objectsOf, textMapOf, textOf } from './json';
import { parseMeshConfig } from './mesh-config';
import { resourcesOf } from './parse';
import type { Resource } from './resource';
import { resourceName } from './resource';
import { selects } from './selectors';
import { workloadsOf } from './workloads';

/** Resources completed by the gateways they take for granted. */
export interface WithGateways {
  readonly resources: readonly Resource[];
  /** `Deployment/istio-system/istio-ingressgateway` for each gateway added. */
  readonly added: readonly string[];
}

/** Pods of a gateway that are known to run, and the name of the Service before them. */
export interface InstalledGateway {
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME.NAMESPACE.svc.DOMAIN`; absent where the gateway is not called from inside the mesh. */
  readonly host?: string;
}

/** Which gateways are taken for granted. */
export interface GatewayOptions {
  readonly domain?: string;
  /** Those that are known to run. */
  readonly gateways?: readonly InstalledGateway[];
  /** Whether others are taken for granted as well; they are by default. */
  readonly others?: boolean;
}

type Labels = Readonly<Record<string, string>>;

/** Namespace of Istio's own installation, where its gateways stand. */
const NAMESPACE = 'istio-system';
const FULL_NAME = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\./;

/**
 * Adds a Deployment and a Service for every selector of a Gateway that takes no workload of the input, so that a directory
 * written for a cluster with Istio installed can be explained and run without one. They look as Istio's installation has them:
 * 80 leads to 8080, 443 to 8443, other server ports to themselves.
 */
export function withGatewayWorkloads(resources: readonly Resource[], { domain = 'cluster.local', gateways: known = [], others = true }: GatewayOptions = {}): WithGateways {
  if (known.length === 0 && !others) return { resources, added: [] };
  const of = withIngresses(indexResources(resources), { config: parseMeshConfig(), domain });
  if (of('Gateway').length === 0) return { resources, added: [] };
  const present = workloadsOf(of, new Map()).map(workload => workload.labels);
  const taken = new Set([...of('Deployment'), ...of('Service')].filter(each => each.metadata.namespace === NAMESPACE).map(each => each.metadata.name));
  const extra: Resource[] = [];
  for (const [selector, gateways] of missing(of('Gateway'), present)) {
    const installed = known.filter(({ labels }) => selects(selector, labels) && selects(labels, selector));
    if (installed.length === 0 && !others) continue;
    const [, name, namespace] = FULL_NAME.exec(installed.find(({ host }) => host !== undefined)?.host ?? '') ?? [undefined, freeName(nameFor(selector), taken), NAMESPACE];
    taken.add(name);
    extra.push(...gatewayObjects({ name, namespace }, selector, portsOf(gateways)));
  }
  return { resources: [...resources, ...extra], added: extra.filter(each => each.kind === 'Deployment').map(resourceName) };
}

/** Gateways by the selector of the workload to add; one that a more specific workload serves already joins that. */
function missing(gateways: readonly Resource[], present: readonly Labels[]): [Labels, Resource[]][] {
  const selectorOf = (gateway: Resource): Labels => textMapOf(gateway.spec.selector);
  const added: [Labels, Resource[]][] = [];
  const specificFirst = [...gateways].sort((a, b) => Object.keys(selectorOf(b)).length - Object.keys(selectorOf(a)).length);
  for (const gateway of specificFirst) {
    const selector = selectorOf(gateway);
    if (Object.keys(selector).length === 0 || present.some(labels => selects(selector, labels))) continue;
    const served = added.find(([labels]) => selects(selector, labels));
    if (served === undefined) added.push([selector, [gateway]]);
    else served[1].push(gateway);
  }
  return added;
}

function nameFor(selector: Labels): string {
  if (selector.istio !== undefined) return `istio-${selector.istio}`;
  return selector.app ?? Object.values(selector).join('-');
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const name = wanted.toLowerCase().replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'gateway';
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}

interface Port {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number;
}

function portsOf(gateways: readonly Resource[]): Port[] {
  const ports = new Map<number, Port>([[80, { name: 'http2', port: 80, targetPort: 8080 }], [443, { name: 'https', port: 443, targetPort: 8443 }]]);
  for (const port of gateways.flatMap(gateway => objectsOf(gateway.spec.servers)).map(server => server.port)) {
    const [given] = objectsOf([port]);
    const number = numberOf(given?.number);
    if (number === undefined || ports.has(number)) continue;
    const protocol = (textOf(given?.protocol) ?? 'tcp').toLowerCase().replace(/[^a-z0-9]+/g, '-');
    ports.set(number, { name: `${protocol}-${number}`, port: number, targetPort: number });
  }
  return [...ports.values()].sort((a, b) => a.port - b.port);
}

function gatewayObjects(
  { name, namespace }: { readonly name: string; readonly namespace: string }, selector: Labels, ports: readonly Port[],
): Resource[] {
  const labels = { ...(selector.app === undefined ? { app: name } : {}), ...selector };
  const containerPorts = [...new Set(ports.map(port => port.targetPort))].map(containerPort => ({ containerPort }));
  const metadata = { name, namespace, labels };
  return resourcesOf([
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'true' } },
          spec: { serviceAccountName: `${name}-service-account`, containers: [{ name: 'istio-proxy', image: 'auto', ports: containerPorts }] },
        },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'LoadBalancer', selector: labels, ports } },
  ]);
}
