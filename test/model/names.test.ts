import { isIpAddress, withoutFullPrefix } from '../../src/model/addresses';
import { resolveGateway, resolveHost } from '../../src/model/names';
import { closest } from '../../src/model/suggest';
import { exportToOf, isVisible } from '../../src/model/visibility';

test.each([
  ['reviews', 'reviews.shop.svc.cluster.local'],
  ['reviews.prod', 'reviews.prod'],
  ['api.example.com', 'api.example.com'],
  ['*', '*'],
  ['*.example.com', '*.example.com'],
  ['10.0.0.1', '10.0.0.1'],
  ['::1', '::1'],
  ['', ''],
])('the host %s, written in namespace shop, means %s', (host, meant) => {
  expect(resolveHost(host, 'shop', 'cluster.local')).toBe(meant);
});

test.each([
  ['mesh', 'mesh'],
  ['web', 'shop/web'],
  ['./web', 'shop/web'],
  ['infra/web', 'infra/web'],
  ['web.infra', 'infra/web'],
  ['web.infra.svc.cluster.local', 'infra/web'],
])('the gateway %s, written in namespace shop, means %s', (reference, meant) => {
  expect(resolveGateway(reference, 'shop')).toBe(meant);
});

test.each([
  [['*'], 'other', true],
  [['.'], 'other', false],
  [['.'], 'shop', true],
  [['~'], 'shop', false],
  [['other'], 'other', true],
  [['other'], 'shop', false],
  [['.', 'other'], 'shop', true],
])('a resource of namespace shop with exportTo %j is visible in %s: %s', (exportTo, viewer, visible) => {
  expect(isVisible(exportTo, 'shop', viewer, ['*'])).toBe(visible);
});

test('without exportTo the mesh default decides', () => {
  expect(isVisible([], 'shop', 'other', ['*'])).toBe(true);
  expect(isVisible([], 'shop', 'other', ['.'])).toBe(false);
});

test('exportTo of a Service is a list separated by commas', () => {
  expect(exportToOf(' . , other,')).toEqual(['.', 'other']);
  expect(exportToOf(undefined)).toEqual([]);
});

test.each([
  ['0.0.0.0', true], ['255.255.255.255', true], ['256.0.0.1', false], ['01.2.3.4', false], ['1.2.3', false], ['1.2.3.4.5', false],
  ['::', true], ['2001:db8::1', true], ['1:2:3:4:5:6:7:8', true], ['1:2:3:4:5:6:7', false], ['1::2::3', false], ['::ffff:1.2.3.4', true],
  ['12345::', false], ['reviews', false], ['', false], ['1:2:3:4:5:6:7::8', false],
])('%j is an address: %s', (text, address) => {
  expect(isIpAddress(text)).toBe(address);
});

test('a prefix of full length is an address', () => {
  expect(withoutFullPrefix('10.0.0.1/32')).toBe('10.0.0.1');
  expect(withoutFullPrefix('10.0.0.0/31')).toBe('10.0.0.0/31');
  expect(withoutFullPrefix('2001:db8::1/128')).toBe('2001:db8::1');
});

test('a mistyped word is recognised, a foreign one is not', () => {
  expect(closest('VirtualServce', ['Gateway', 'VirtualService'])).toBe('VirtualService');
  expect(closest('reveiws', ['reviews', 'ratings'])).toBe('reviews');
  expect(closest('zzz', ['reviews', 'ratings'])).toBeUndefined();
});
