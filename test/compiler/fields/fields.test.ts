import { toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { BASE, SUBSETS } from './base';
import { DOCUMENTS, NO_EFFECT } from './documents';
import { KINDS, NODES } from '../../../src/analysis/schema/generated/istio';
import type { TypeRef } from '../../../src/analysis/schema/table';
import { createCompiler } from '../../../src/compiler/compiler';
import type { Compiler } from '../../../src/compiler/compiler';
import { refusals } from '../../../src/compiler/refusals';
import { findWorkload } from '../../../src/model/find-workload';
import { buildModel } from '../../../src/model/model';
import type { Model } from '../../../src/model/model';
import { resourcesOf } from '../../../src/model/parse';
import { proxyOf } from '../../../src/model/proxy';
import { ClusterSchema } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { resourcesOfYaml } from '../support';

const KINDS_UNDER_TEST = Object.keys(DOCUMENTS);
type Step = string | '[]' | '{}';

/** Every field of a kind that holds a value rather than a structure. */
function leavesOf(kind: string): Step[][] {
  const leaves: Step[][] = [];
  const walk = (ref: TypeRef, path: Step[]): void => {
    const node = typeof ref === 'number' ? NODES[ref] : undefined;
    if (node === undefined || 'enum' in node) leaves.push(path);
    else if ('fields' in node) Object.entries(node.fields).forEach(([key, field]) => walk(field, [...path, key]));
    else if ('list' in node) (isValue(node.list) ? leaves.push(path) : walk(node.list, [...path, '[]']));
    else (isValue(node.map) ? leaves.push(path) : walk(node.map, [...path, '{}']));
  };
  walk(KINDS.find(each => each.kind === kind)?.spec ?? 'any', []);
  return leaves;
}

function isValue(ref: TypeRef): boolean {
  const node = typeof ref === 'number' ? NODES[ref] : undefined;
  return node === undefined || 'enum' in node || ('list' in node && isValue(node.list));
}

const nameOf = (kind: string, path: readonly Step[]): string => path.reduce((text, step) => (step === '[]' || step === '{}' ? `${text}${step}` : `${text}.${step}`), kind);

/** The value without the field at a path, in each place where it has it. */
function without(value: unknown, [step, ...rest]: readonly Step[]): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (step === '[]' || step === '{}') {
    return Object.keys(value).flatMap(key => without((value as Record<string, unknown>)[key], rest).map(changed => (
      Array.isArray(value) ? value.map((item, index) => (index === Number(key) ? changed : item)) : { ...value, [key]: changed })));
  }
  const own = value as Record<string, unknown>;
  if (own[step] === undefined) return [];
  const { [step]: removed, ...others } = own;
  return rest.length === 0 ? [others] : without(removed, rest).map(changed => ({ ...own, [step]: changed }));
}

const GROUPS: Readonly<Record<string, string>> = Object.fromEntries(KINDS.map(({ kind, group, versions }) => [kind, `${group}/${versions[0]}`]));
const documentOf = (kind: string, spec: unknown) => ({ apiVersion: GROUPS[kind], kind, metadata: { name: kind === 'Gateway' ? 'secure' : 'tested', namespace: 'shop' }, spec });
const DELEGATE = documentOf('VirtualService', { http: [{ name: 'theirs', route: [{ destination: { host: 'depot' } }] }] });

/** What the place of another is seen by. */
const NEIGHBOUR = { ...documentOf('TrafficExtension', { lua: { inlineCode: 'y' } }), metadata: { name: 'neighbour', namespace: 'shop' } };
const NEIGHBOURS: Readonly<Record<string, readonly object[]>> = { WasmPlugin: [NEIGHBOUR], TrafficExtension: [NEIGHBOUR] };

const OF_EVERY_MESH = resourcesOfYaml(BASE);
const OF_SUBSETS = resourcesOfYaml(SUBSETS);

function modelWith(kind: string, spec: unknown) {
  const more = kind === 'DestinationRule' ? OF_SUBSETS : [];
  const delegates = [['other', 'delegate'], ['shop', 'delegate'], ['other', 'elsewhere']].map(([namespace, name]) => ({ ...DELEGATE, metadata: { name, namespace } }));
  return buildModel([...OF_EVERY_MESH, ...more, ...resourcesOf([documentOf(kind, spec), ...kind === 'VirtualService' ? delegates : [], ...NEIGHBOURS[kind] ?? []])], {
    meshConfig: {
      extensionProviders: [
        { name: 'p', envoyExtAuthzHttp: { service: 'depot.other.svc.cluster.local', port: 8000 } }, { name: 'zipkin', zipkin: { service: 'depot.other.svc.cluster.local', port: 8000 } },
      ],
      meshNetworks: { networks: { near: { endpoints: [{ fromRegistry: 'Kubernetes' }] }, n: { gateways: [{ address: '10.5.0.1', port: 15443 }] } } },
    },
  });
}

/** A caller, both sides of another namespace's, and a gateway. */
const PROXIES = ['cart.shop', 'stock-v1.shop', 'depot.other', 'ingress.shop'];

/** Compiles a document for each proxy, taking over what another left that it does not touch. */
interface Meshed { readonly model: Model; readonly compiler: Compiler }

function meshWith(kind: string, spec: unknown, like?: Meshed): Meshed {
  const model = modelWith(kind, spec);
  return { model, compiler: createCompiler(model, like?.compiler) };
}

const texts = new WeakMap<object, string>();
function textOf(schema: DescMessage, message: Message): string {
  const known = texts.get(message) ?? Buffer.from(toBinary(schema, message)).toString('latin1');
  texts.set(message, known);
  return known;
}

/** Everything that a proxy is sent. */
function sentTo(name: string, { model, compiler }: Meshed): string {
  const proxy = proxyOf(model, findWorkload(model, name), { metadata: { NETWORK: 'near' } });
  const { listeners, clusters, routes, endpoints, extensions = [] } = compiler.compile(proxy);
  return [
    ...listeners.map(each => textOf(ListenerSchema, each)), ...clusters.map(each => textOf(ClusterSchema, each)),
    ...routes.map(each => textOf(RouteConfigurationSchema, each)), ...endpoints.map(each => textOf(ClusterLoadAssignmentSchema, each)),
    ...extensions.map(each => textOf(TypedExtensionConfigSchema, each)),
  ].join('\n');
}

/** Whether taking the field away changes what somebody is sent; an input that cannot be compiled without it has been changed, too. */
function acts(kind: string, path: readonly Step[], meshOf: (spec: unknown) => Meshed): boolean {
  return DOCUMENTS[kind].some(spec => without(spec, path).some((changed) => {
    const whole = meshOf(spec);
    try {
      const other = meshWith(kind, changed, whole);
      return PROXIES.some(name => sentTo(name, other) !== sentTo(name, whole));
    } catch {
      return true;
    }
  }));
}

/** A document that sets one field only. */
function sample(path: readonly Step[]): unknown {
  return path.reduceRight<unknown>((value, step) => (step === '[]' ? [value] : step === '{}' ? { key: value } : { [step]: value }), 'sample');
}

const excused = (name: string): boolean => Object.keys(NO_EFFECT).some(pattern => (
  name === pattern || name.startsWith(`${pattern}.`) || name.startsWith(`${pattern}[]`)
  || new RegExp(`^${pattern.split('*').map(part => part.replace(/[.[\]{}]/g, '\\$&')).join('.*')}$`).test(name)));

describe.each(KINDS_UNDER_TEST)('%s', (kind) => {
  const meshes = new Map<unknown, Meshed>();
  const meshOf = (spec: unknown): Meshed => {
    const known = meshes.get(spec) ?? meshWith(kind, spec);
    meshes.set(spec, known);
    return known;
  };

  test('each field is compiled, refused by its name, or known to have no effect', () => {
    const forgotten = leavesOf(kind).filter((path) => {
      const name = nameOf(kind, path);
      if (excused(name)) return false;
      const refused = refusals(modelWith(kind, sample(path))).some(({ path: [, ...at] }) => at[0] === path[0]);
      return !refused && !acts(kind, path, meshOf);
    });
    expect(forgotten.map(path => nameOf(kind, path))).toEqual([]);
  });

  test('nothing is refused that is compiled', () => {
    expect(DOCUMENTS[kind].flatMap(spec => refusals(modelWith(kind, spec))).map(({ message }) => message)).toEqual([]);
  });
});

test('each reason for having no effect is about a field that exists', () => {
  const names = KINDS_UNDER_TEST.flatMap(kind => leavesOf(kind).map(path => nameOf(kind, path)));
  expect(Object.keys(NO_EFFECT).filter(pattern => !names.some(name => excusedBy(pattern, name)))).toEqual([]);
});

function excusedBy(pattern: string, name: string): boolean {
  return name === pattern || name.startsWith(`${pattern}.`) || name.startsWith(`${pattern}[]`) || (pattern.includes('*') && excused(name));
}
