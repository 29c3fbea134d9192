import type { Destination, VirtualServiceSpec } from '../../compiler/istio-api';
import { numberOf, objectOf, objectsOf, textMapOf, textOf, textsOf } from '../../model/json';
import type { Model } from '../../model/model';
import { resolveGateway, resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';

/** What a resource needs of others before it may be applied, and what it gives them; both in words that stand for the same thing on either side. */
export interface Links {
  /** Sorted: `subset reviews.default.svc.cluster.local v1`. */
  readonly needs: readonly string[];
  readonly gives: readonly string[];
}

const NONE: Links = { needs: [], gives: [] };

/** Links of the resources of one mesh. */
export class LinksOfMesh {
  private readonly links = new Map<Resource, Links>();
  private readonly subsets = new Map<string, { readonly name: string; readonly labels: Readonly<Record<string, string>> }[]>();
  private readonly services = new Map<string, { readonly host: string; readonly selector: Readonly<Record<string, string>> }[]>();

  public constructor(private readonly model: Model) {
    for (const { metadata, spec } of model.of('DestinationRule')) {
      const host = this.host(spec?.host, metadata.namespace);
      const own = objectsOf(spec?.subsets).map(({ name, labels }) => ({ name: textOf(name) ?? '', labels: textMapOf(labels) }));
      this.subsets.set(host, [...this.subsets.get(host) ?? [], ...own]);
    }
    for (const { metadata, spec } of model.of('Service')) {
      const selector = textMapOf(spec?.selector);
      if (Object.keys(selector).length === 0) continue;
      const host = this.host(metadata.name, metadata.namespace);
      this.services.set(metadata.namespace, [...this.services.get(metadata.namespace) ?? [], { host, selector }]);
    }
  }

  public of(resource: Resource): Links {
    const known = this.links.get(resource);
    if (known !== undefined) return known;
    const made = this.make(resource);
    this.links.set(resource, made);
    return made;
  }

  public host(name: unknown, namespace: string): string {
    return resolveHost(textOf(name) ?? '', namespace, this.model.domain).toLowerCase();
  }

  public get rootNamespace(): string {
    return this.model.config.rootNamespace;
  }

  /** Services, and subsets of them, that Pods with these labels stand behind. */
  public endpoints(namespace: string, labels: Readonly<Record<string, string>>): readonly string[] {
    return (this.services.get(namespace) ?? []).filter(({ selector }) => selects(selector, labels)).flatMap(({ host }) => [
      `endpoints ${host}`, ...(this.subsets.get(host) ?? []).filter(subset => selects(subset.labels, labels)).map(({ name }) => `endpoints ${host} ${name}`),
    ]);
  }

  private make(resource: Resource): Links {
    const links = OF_KIND[resource.kind]?.(this, resource) ?? NONE;
    return { needs: [...new Set(links.needs)].sort(), gives: [...new Set(links.gives)].sort() };
  }
}

type LinksOf = (mesh: LinksOfMesh, resource: Resource) => Links;

const workload = (labelsOf: (resource: Resource) => unknown): LinksOf => (mesh, resource) => ({
  needs: [], gives: mesh.endpoints(resource.metadata.namespace, textMapOf(labelsOf(resource))),
});
const ofTemplate = workload(({ spec }) => objectOf(objectOf(spec?.template).metadata).labels);

const OF_KIND: Readonly<Record<string, LinksOf>> = {
  Pod: workload(({ metadata }) => metadata.labels),
  Deployment: ofTemplate,
  StatefulSet: ofTemplate,
  DaemonSet: ofTemplate,
  ReplicaSet: ofTemplate,
  Service: (mesh, { metadata, spec }) => {
    const host = mesh.host(metadata.name, metadata.namespace);
    return { needs: [], gives: [`host ${host}`, ...objectsOf(spec?.ports).map(({ port }) => `port ${host} ${String(port)}`)] };
  },
  ServiceEntry: (_mesh, { spec }) => ({
    needs: [],
    gives: textsOf(spec?.hosts).flatMap(host => [`host ${host}`, ...objectsOf(spec?.ports).map(({ number }) => `port ${host} ${String(number)}`)]),
  }),
  Secret: (_mesh, { metadata }) => ({ needs: [], gives: [`secret ${metadata.name}`] }),
  ConfigMap: (mesh, { metadata }) => ({
    needs: [], gives: metadata.name === 'istio' && metadata.namespace === mesh.rootNamespace ? ['mesh configuration'] : [],
  }),
  DestinationRule: (mesh, { metadata, spec }) => {
    const host = mesh.host(spec?.host, metadata.namespace);
    return { needs: [], gives: objectsOf(spec?.subsets).map(({ name }) => `subset ${host} ${textOf(name) ?? ''}`) };
  },
  Gateway: (_mesh, { metadata, spec }) => ({
    needs: objectsOf(spec?.servers).flatMap(({ tls }) => [textOf(objectOf(tls).credentialName), ...textsOf(objectOf(tls).credentialNames)])
      .filter(name => name !== undefined && name !== '').map(name => `secret ${name}`),
    gives: [`gateway ${metadata.namespace}/${metadata.name}`],
  }),
  VirtualService: ofVirtualService,
  RequestAuthentication: (_mesh, { metadata }) => ({ needs: [], gives: [`tokens ${metadata.namespace}`] }),
  AuthorizationPolicy: (mesh, { metadata, spec }) => {
    const asksTokens = /"(?:notR|r)equestPrincipals"|"request\.auth\./.test(JSON.stringify(spec?.rules ?? []));
    return {
      needs: [
        ...(asksTokens ? [`tokens ${metadata.namespace}`, `tokens ${mesh.rootNamespace}`] : []),
        ...(spec?.action === 'CUSTOM' ? ['mesh configuration'] : []),
      ],
      gives: [],
    };
  },
};

function ofVirtualService(mesh: LinksOfMesh, { metadata, spec: given }: Resource): Links {
  const spec = given as unknown as VirtualServiceSpec | undefined;
  const { namespace, name } = metadata;
  const needs: string[] = [];
  const add = (destination: Destination | undefined) => {
    if (typeof destination?.host !== 'string') return;
    const host = mesh.host(destination.host, namespace);
    const port = numberOf(destination.port?.number);
    needs.push(`host ${host}`, ...(port === undefined ? [] : [`port ${host} ${port}`]));
    if ((destination.subset ?? '') === '') needs.push(`endpoints ${host}`);
    else needs.push(`subset ${host} ${destination.subset}`, `endpoints ${host} ${destination.subset}`);
  };
  for (const gateway of textsOf(spec?.gateways)) if (gateway !== 'mesh') needs.push(`gateway ${resolveGateway(gateway, namespace)}`);
  for (const rule of objectsOf(spec?.http)) {
    objectsOf(rule.route).forEach(({ destination }) => add(destination as Destination | undefined));
    if (rule.mirror !== undefined) add(rule.mirror as Destination);
    objectsOf(rule.mirrors).forEach(({ destination }) => add(destination as Destination | undefined));
    const { name: delegate, namespace: other } = objectOf(rule.delegate);
    if (delegate !== undefined) needs.push(`delegate ${textOf(other) || namespace}/${String(delegate)}`);
  }
  for (const kind of ['tls', 'tcp'] as const) for (const rule of objectsOf(spec?.[kind])) objectsOf(rule.route).forEach(({ destination }) => add(destination as Destination | undefined));
  return { needs, gives: textsOf(spec?.hosts).length === 0 ? [`delegate ${namespace}/${name}`] : [] };
}
