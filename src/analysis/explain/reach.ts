import { identityOf } from './access';
import { lookUp } from './entry';
import { isObject, objectOf, objectsOf, textMapOf, textOf, textsOf, type Json } from '../../model/json';
import type { Model } from '../../model/model';
import { resolveGateway, resolveHost } from '../../model/names';
import { selects } from '../../model/selectors';
import type { Service, Workload } from '../../model/service';
import { isVisible } from '../../model/visibility';

/** The rule by which a workload counts as calling a service; printed beside what follows from it. */
export const REACH = 'hosts of VirtualServices that apply to it and their destinations; services whose AuthorizationPolicies admit it by name; '
  + 'services that the environment or arguments of its containers name';

/** Services that a workload calls, as far as manifests tell: `namespace/host`, sorted. */
export function reachOf(model: Model, workload: Workload): string[] {
  const hosts = new Map<string, Service>();
  const add = (service: Service | undefined): void => { if (service !== undefined) hosts.set(`${service.namespace}/${service.hostname}`, service); };
  for (const host of [...routedHosts(model, workload)]) for (const service of model.servicesByHost.get(host) ?? []) add(service);
  callsOf(model, workload).forEach(add);
  return [...hosts.keys()].sort();
}

/** Services that a workload itself is known to call: policies admit it by name, or its containers name them. */
export function callsOf(model: Model, workload: Workload): Service[] {
  const named = [...wordsOf(workload)].map(word => lookUp(model, workload.namespace, word)).filter(service => service !== undefined);
  const own = new Set(model.targetsOf(workload).map(({ service }) => service));
  return [...new Set([...admitting(model, workload), ...named])].filter(service => !own.has(service));
}

/** Hosts that rules for this caller are about, and those they lead to. */
function* routedHosts(model: Model, { namespace, labels }: Workload): Iterable<string> {
  for (const { spec, metadata } of model.of('VirtualService')) {
    const gateways = textsOf(spec.gateways).map(gateway => resolveGateway(gateway, metadata.namespace));
    if (gateways.length > 0 && !gateways.includes('mesh')) continue;
    if (!isVisible(textsOf(spec.exportTo), metadata.namespace, namespace, model.config.defaultVirtualServiceExportTo)) continue;
    const rules = [...objectsOf(spec.http), ...objectsOf(spec.tls), ...objectsOf(spec.tcp)].filter(rule => appliesTo(rule, namespace, labels));
    if (rules.length === 0) continue;
    const named = [...textsOf(spec.hosts), ...rules.flatMap(destinationsOf)];
    yield* named.map(host => resolveHost(host, metadata.namespace, model.domain).toLowerCase());
  }
}

/** Whether one of a rule's matches asks for nothing that this caller lacks. */
function appliesTo(rule: Json, namespace: string, labels: Readonly<Record<string, string>>): boolean {
  const matches = objectsOf(rule.match);
  return matches.length === 0 || matches.some(match => selects(textMapOf(match.sourceLabels), labels)
    && (textOf(match.sourceNamespace) ?? namespace) === namespace);
}

function destinationsOf({ route, mirror, mirrors }: Json): string[] {
  return [...objectsOf(route).map(({ destination }) => destination), mirror, ...objectsOf(mirrors).map(({ destination }) => destination)]
    .filter(isObject).map(destination => textOf(destination.host)).filter(host => host !== undefined);
}

/** Services in front of workloads whose policies let this caller in by its name or namespace. */
function admitting(model: Model, caller: Workload): Service[] {
  const principal = identityOf(model, caller).replace('spiffe://', '');
  const policies = model.of('AuthorizationPolicy').filter(({ spec }) => (textOf(spec.action) ?? 'ALLOW') === 'ALLOW' && objectsOf(spec.rules).some(rule => (
    objectsOf(rule.from).map(({ source }) => objectOf(source)).some(source => (
      textsOf(source.principals).some(pattern => pattern !== '*' && fits(pattern, principal)) || textsOf(source.namespaces).includes(caller.namespace)
      || textsOf(source.serviceAccounts).some(account => [caller.serviceAccount, `${caller.namespace}/${caller.serviceAccount}`].includes(account))
    )))));
  return policies.flatMap(({ spec, metadata }) => model.workloads
    .filter(({ namespace, labels }) => (namespace === metadata.namespace || metadata.namespace === model.config.rootNamespace)
      && selects(textMapOf(objectOf(spec.selector).matchLabels), labels))
    .flatMap(workload => model.targetsOf(workload).map(({ service }) => service)));
}

function fits(pattern: string, principal: string): boolean {
  if (pattern.endsWith('*')) return principal.startsWith(pattern.slice(0, -1));
  return pattern.startsWith('*') ? principal.endsWith(pattern.slice(1)) : pattern === principal;
}

/** Whatever may be a host in the environment and arguments of the containers. */
function wordsOf({ resource }: Workload): Set<string> {
  const spec = resource.kind === 'Pod' ? resource.spec : objectOf(objectOf(resource.spec.template).spec);
  const texts = [...objectsOf(spec.containers), ...objectsOf(spec.initContainers)].flatMap(({ env, args, command }) => [
    ...objectsOf(env).map(({ value }) => textOf(value) ?? ''), ...textsOf(args), ...textsOf(command),
  ]);
  return new Set(texts.flatMap(text => text.toLowerCase().split(/[^a-z0-9.-]+/)).filter(word => /^[a-z]/.test(word)));
}
