import { toBinary } from '@bufbuild/protobuf';
import { BASE, SUBSETS } from './base';
import { DOCUMENTS, NO_EFFECT } from './documents';
import { KINDS, NODES } from '../../../src/analysis/schema/generated/istio';
import type { TypeRef } from '../../../src/analysis/schema/table';
import { createCompiler } from '../../../src/compiler/compiler';
import { refusals } from '../../../src/compiler/refusals';
import { findWorkload } from '../../../src/model/find-workload';
import { buildModel } from '../../../src/model/model';
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

function modelWith(kind: string, spec: unknown) {
  const more = kind === 'DestinationRule' ? resourcesOfYaml(SUBSETS) : [];
  const delegates = [['other', 'delegate'], ['shop', 'delegate'], ['other', 'elsewhere']].map(([namespace, name]) => ({ ...DELEGATE, metadata: { name, namespace } }));
  return buildModel([...resourcesOfYaml(BASE), ...more, ...resourcesOf([documentOf(kind, spec), ...kind === 'VirtualService' ? delegates : [], ...NEIGHBOURS[kind] ?? []])], {
    meshConfig: {
      extensionProviders: [
        { name: 'p', envoyExtAuthzHttp: { service: 'depot.other.svc.cluster.local', port: 8000 } }, { name: 'zipkin', zipkin: { service: 'depot.other.svc.cluster.local', port: 8000 } },
      ],
      meshNetworks: { networks: { near: { endpoints: [{ fromRegistry: 'Kubernetes' }] }, n: { gateways: [{ address: '10.5.0.1', port: 15443 }] } } },
    },
  });
}

/** Everything that is sent to a caller, to both sides of another namespace's, and to a gateway. */
function sentWith(kind: string, spec: unknown): string {
  const model = modelWith(kind, spec);
  const compiler = createCompiler(model);
  return ['cart.shop', 'stock-v1.shop', 'depot.other', 'ingress.shop'].map((name) => {
    const { listeners, clusters, routes, endpoints, extensions = [] } = compiler.compile(proxyOf(model, findWorkload(model, name), { metadata: { NETWORK: 'near' } }));
    return [
      ...listeners.map(each => toBinary(ListenerSchema, each)), ...clusters.map(each => toBinary(ClusterSchema, each)),
      ...routes.map(each => toBinary(RouteConfigurationSchema, each)), ...endpoints.map(each => toBinary(ClusterLoadAssignmentSchema, each)),
      ...extensions.map(each => toBinary(TypedExtensionConfigSchema, each)),
    ].map(bytes => Buffer.from(bytes).toString('latin1')).join('\n');
  }).join('\n');
}

/** Whether taking the field away changes what somebody is sent; an input that cannot be compiled without it has been changed, too. */
function acts(kind: string, path: readonly Step[], sent: (spec: unknown) => string): boolean {
  return DOCUMENTS[kind].some(spec => without(spec, path).some((changed) => {
    try {
      return sentWith(kind, changed) !== sent(spec);
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
  const compiled = new Map<unknown, string>();
  const sent = (spec: unknown): string => compiled.get(spec) ?? (compiled.set(spec, sentWith(kind, spec)), compiled.get(spec) ?? '');

  test('each field is compiled, refused by its name, or known to have no effect', () => {
    const forgotten = leavesOf(kind).filter((path) => {
      const name = nameOf(kind, path);
      if (excused(name)) return false;
      const refused = refusals(modelWith(kind, sample(path))).some(({ path: [, ...at] }) => at[0] === path[0]);
      return !refused && !acts(kind, path, sent);
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
