import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, Lazy, Testing } from 'cdk8s';
import * as library from '../src';
import { Fault, FaultInjection, MeshPort, MeshService, MtlsPolicy, PathMatch, RetryOn, RetryPolicy, RouteMatch, RouteTarget } from '../src';
import { shapesOf, shapesText } from './support/api-shapes';

const SOURCES = join(__dirname, '../src');
const TABLE = join(SOURCES, 'private/shapes.ts');
const shapes = shapesOf(join(SOURCES, 'index.ts'));

test('the table of arguments is that of the public types', () => {
  const text = shapesText(shapes);
  if (process.env.UPDATE_SHAPES === '1') writeFileSync(TABLE, text);
  expect(readFileSync(TABLE, 'utf8')).toBe(text);
});

test('every public class holds its callers to it', () => {
  const brandless = shapes.CLASSES.filter((name) => (library as any)[name].prototype[Symbol.for(`cdk8s-mesh.${name}`)] !== true);
  expect(brandless).toEqual([]);
});

/** As plain JavaScript calls. */
const js = library as any;
const chart = () => Testing.chart();
const service = (props: object) => new js.MeshService(chart(), 'cart', { ports: [MeshPort.http(80)], ...props });
const add = (props: object) => new MeshService(chart(), 'cart', { ports: [MeshPort.http(80)] }).addRoute('all', props as never);

test.each<[string, () => unknown, string]>([
  ['no properties', () => new js.MeshService(chart(), 'cart'), '[test/cart] MESH_FIELD_TYPE: properties must be an object of MeshServiceProps, got undefined; write its properties in {}'],
  ['a property that is missing', () => new js.MeshService(chart(), 'cart', {}), '[test/cart] MESH_FIELD_REQUIRED: ports must be given, got undefined; say it'],
  ['one thing for a list', () => service({ ports: MeshPort.http(80) }), '[test/cart] MESH_FIELD_TYPE: ports must be a list, got an object; write it in []'],
  ['a number in a list of ports', () => service({ ports: [80] }), '[test/cart] MESH_FIELD_TYPE: ports[0] must be a MeshPort, got 80; make one with MeshPort'],
  ['null', () => service({ name: null }), '[test/cart] MESH_FIELD_TYPE: name must be a text, got null; leave it away where there is none'],
  ['a value that is made later', () => service({ name: Lazy.any({ produce: () => 'cart' }) }),
    '[test/cart] MESH_FIELD_TYPE: name must be a text, got a Lazy; give the value itself, which is checked as soon as it is given'],
  ['a part of a part', () => service({ traffic: { outlierDetection: { interval: '5s' } } }),
    '[test/cart] MESH_FIELD_TYPE: traffic.outlierDetection.interval must be a Duration, got "5s"; make one with Duration of cdk8s, e.g. Duration.seconds(1)'],
  ['a target that is none', () => add({ targets: ['v1'] }), '[test/cart] MESH_FIELD_TYPE: targets[0] of addRoute() must be a RouteTarget, got "v1"; make one with RouteTarget'],
  ['a number in quotes', () => js.MeshPort.http('80'), 'MESH_FIELD_TYPE: number of MeshPort.http() must be a number, got "80"; write it without quotes'],
  ['a word for a yes', () => js.RetryPolicy.on([RetryOn.RESET], { attempts: 1, remoteLocalities: 'yes' }),
    'MESH_FIELD_TYPE: remoteLocalities of RetryPolicy.on() must be true or false, got "yes"; choose one of them'],
  ['a mode that is none', () => new MtlsPolicy(chart(), 'x', { mode: 'MUTUAL' as never }),
    '[test/x] MESH_ENUM_INVALID: mode must be one of MtlsMode (STRICT, PERMISSIVE, DISABLE), got "MUTUAL"; choose one of them'],
  ['what is no service', () => new FaultInjection(chart(), 'x', { service: {} as never, fault: Fault.abort({ httpStatus: 500 }) }),
    '[test/x] MESH_FIELD_TYPE: service must be a MeshService, got an object; make one with MeshService'],
  ['a field of a class before its turn', () => RouteTarget.to(undefined as never), 'MESH_FIELD_REQUIRED: destination of RouteTarget.to() must be given, got undefined; make it before it is used'],
  ['a list of any length', () => js.AccessSource.namespace('shop', 5), 'MESH_FIELD_TYPE: namespaces of AccessSource.namespace() must be a text, got 5; write it in quotes'],
  ['what JSON does not have', () => js.MeshRequest.get('http://a/').withClaims({ iss: () => 'me' }),
    'MESH_FIELD_TYPE: claims.iss of withClaims() must be a value that JSON has, got a function; leave away functions, NaN and Infinity'],
])('%s', (_case, call, message) => {
  expect(call).toThrow(new Error(message));
});

test('what comes of another copy of this package, and of another version of cdk8s, is taken', () => {
  jest.isolateModules(() => {
    const { MeshPort: Port, RouteTarget: Target }: typeof library = jest.requireActual('../src');
    expect(Port).not.toBe(MeshPort);
    const cart = new MeshService(chart(), 'cart', { ports: [Port.http(80)] });
    cart.addRoute('all', { targets: [Target.to(cart)], timeout: { toMilliseconds: () => 3000 } as Duration });
    cart.addRoute('a', { match: [RouteMatch.http({ path: PathMatch.exactly('/a') })], targets: [RouteTarget.to(cart)], retry: RetryPolicy.none() });
    expect(cart.ports[0].number).toBe(80);
  });
});
