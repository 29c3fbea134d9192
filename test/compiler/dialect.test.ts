import { compile, modelOf, SHOP } from './support';
import { compiledJson } from '../golden/compare';

const model = modelOf(SHOP);
const json = (dialect: 'istio' | 'stock'): any => compiledJson(compile(model, 'cart.shop', { dialect }));

test('stock Envoy is sent none of Istio\'s own extensions, and takes every secret over ADS', () => {
  const text = JSON.stringify(json('stock'));
  for (const own of ['istio.metadata_exchange', 'istio.stats', 'istio.alpn', 'sds-grpc']) expect([own, text.includes(own)]).toEqual([own, false]);
  const istio = JSON.stringify(json('istio'));
  for (const own of ['istio.metadata_exchange', 'istio.stats', 'istio.alpn', 'sds-grpc']) expect([own, istio.includes(own)]).toEqual([own, true]);
});

test('nothing else differs between the dialects', () => {
  expect(without(json('istio'))).toEqual(without(json('stock')));
});

const OWN = new Set(['istio.metadata_exchange', 'istio.stats', 'istio.alpn']);

/** The configuration without what the table of dialects lists. */
function without(value: any): any {
  if (Array.isArray(value)) return value.filter(item => !OWN.has(item?.name)).map(without);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value)
    .filter(([key, item]) => key !== 'sdsConfig' && !(key === 'filters' && Array.isArray(item) && item.every(filter => OWN.has(filter.name))))
    .map(([key, item]) => [key, without(item)]));
}
