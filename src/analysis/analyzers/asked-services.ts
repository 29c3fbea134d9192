import { isObject, objectOf, objectsOf, textMapOf, textOf } from '../../model/json';
import { proxyOf } from '../../model/proxy';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import type { Workload } from '../../model/service';
import type { Path } from '../finding';
import type { Context } from '../rules/context';

/** Something that makes proxies call a service of their own accord, not of an application's. */
interface Asked {
  readonly resource: Resource;
  readonly path: Path;
  readonly host: string;
  readonly port: number;
  readonly what: string;
  readonly severity?: 'warning';
}

/** Proxies that are compiled for one resource. */
const PROXIES = 24;

/**
 * Authorizers, collectors and counting services that a proxy is to ask, outside the scope of what it knows: it then refuses, or reports and
 * counts nothing, without a word. A service that the input does not have at all is told elsewhere.
 */
export function askedServices(context: Context): void {
  const { model } = context;
  const narrowed = model.of('Sidecar').length > 0 || model.services.some(({ exportTo }) => exportTo.length > 0 && !exportTo.includes('*'));
  const all = narrowed ? [...authorizers(context), ...collectors(context), ...filters(context)] : [];
  const asked = all.filter(({ host }) => model.servicesByHost.has(host));
  if (asked.length === 0) return;
  // Loaded here: the compiler brings the descriptors of all of Envoy's messages, whose making takes longer than most analyses.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { createCompiler } = require('../../compiler/compiler') as typeof import('../../compiler/compiler');
  const compiler = createCompiler(model);
  const known = new Map<Workload, ReadonlySet<string>>();
  const knows = (workload: Workload, host: string, port: number): boolean => {
    const names = known.get(workload) ?? new Set(compiler.compile(proxyOf(model, workload)).clusters.map(({ name }) => name));
    known.set(workload, names);
    return names.has(`outbound|${port}||${host}`);
  };
  for (const { resource, path, host, port, what, severity } of asked) {
    const unaware = workloadsOf(context, resource).slice(0, PROXIES).find(workload => !knows(workload, host, port));
    if (unaware === undefined) continue;
    context.report(resource, path, {
      code: 'MESH_PROVIDER_UNREACHABLE',
      ...(severity && { severity }),
      message: `${what} must be known to every proxy that asks it, got ${unaware.namespace}/${unaware.workload}, which knows no ${host}:${port}`,
      repair: 'allow the connection, name its host among egress hosts of the Sidecar, export it to the namespace, or correct the port',
    });
  }
}

function workloadsOf(context: Context, { metadata, spec }: Resource): readonly Workload[] {
  const { selector, workloadSelector } = spec as Readonly<Record<string, unknown>>;
  const namespace = metadata.namespace === context.model.config.rootNamespace ? undefined : metadata.namespace;
  return context.index.workloadsSelected(textMapOf(objectOf(selector).matchLabels ?? objectOf(workloadSelector).labels), namespace);
}

/** Providers of MeshConfig that are services, by name: where they are. */
function providerNamed(context: Context, name: string | undefined): Pick<Asked, 'host' | 'port'> | undefined {
  const provider = objectsOf(context.model.config.raw.extensionProviders).find(each => each.name === name);
  const given = Object.values(provider ?? {}).find(value => isObject(value) && textOf(value.service) !== undefined);
  if (!isObject(given)) return undefined;
  return { host: textOf(given.service)!.split('/').pop()!, port: Number(given.port) };
}

function authorizers(context: Context): Asked[] {
  return context.sound<Record<string, unknown>>('AuthorizationPolicy').flatMap((resource) => {
    const name = textOf(objectOf(resource.spec?.provider).name);
    const found = resource.spec?.action === 'CUSTOM' ? providerNamed(context, name) : undefined;
    return found === undefined ? [] : [{ resource: resource as Resource, path: ['spec', 'provider', 'name'], what: `the authorizer ${name}`, ...found }];
  });
}

function collectors(context: Context): Asked[] {
  return context.sound<Record<string, unknown>>('Telemetry').flatMap(resource => ['tracing', 'accessLogging'].flatMap(section => (
    objectsOf(resource.spec?.[section]).flatMap((entry, index) => objectsOf(entry.providers).flatMap(({ name }, number) => {
      const found = providerNamed(context, textOf(name));
      const path = ['spec', section, index, 'providers', number, 'name'];
      return found === undefined ? [] : [{ resource: resource as Resource, path, what: `the provider ${String(name)}`, severity: 'warning' as const, ...found }];
    })))));
}

function filters(context: Context): Asked[] {
  return context.sound<Record<string, unknown>>('EnvoyFilter').flatMap(resource => objectsOf(resource.spec?.configPatches).flatMap((patch, index) => {
    if (patch.applyTo !== 'HTTP_FILTER' && patch.applyTo !== 'NETWORK_FILTER') return [];
    return [...new Set(clustersIn(objectOf(patch.patch).value))].flatMap((cluster) => {
      const [, port, host] = /^outbound\|(\d+)\|\|([^|]+)$/.exec(cluster) ?? [];
      const what = `a service that ${resourceName(resource)} names`;
      return host === undefined ? [] : [{ resource: resource as Resource, path: ['spec', 'configPatches', index], what, host, port: Number(port) }];
    });
  }));
}

/** Names of clusters anywhere in a piece of Envoy's configuration. */
function clustersIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(clustersIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => (/^cluster(_?name)?$/i.test(key) && typeof item === 'string' ? [item] : clustersIn(item)));
}
