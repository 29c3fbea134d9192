import { modelOf, SHOP } from './support';
import { refusals } from '../../src/compiler/refusals';

const named = (...texts: string[]): string[] => refusals(modelOf(SHOP, ...texts)).map(({ resource, message }) => `${resource.metadata.name}: ${message}`);

const rule = (spec: string) => `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: stock, namespace: shop }\nspec: ${spec}`;

test('what is compiled is not refused', () => {
  expect(named(rule('{ hosts: [stock], http: [{ match: [{ uri: { prefix: / } }], route: [{ destination: { host: stock }, weight: 1 }] }] }'))).toEqual([]);
});

test('a field that Istio would act on is refused by its path and value', () => {
  expect(named('apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: stock, namespace: shop }\nspec: { host: stock, subsets: [{ name: a, trafficPolicy: { loadBalancer: { zoneAwareLbSetting: { enabled: true } } } }] }'))
    .toEqual(['stock: DestinationRule spec.subsets[0].trafficPolicy.loadBalancer.zoneAwareLbSetting is not compiled yet, got {"enabled":true}; remove it, or run this on Istio']);
});

test('a kind that is not compiled is refused as a whole, once', () => {
  expect(named('apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: filter, namespace: shop }\nspec: { hostnames: [x], rules: [] }'))
    .toEqual(['filter: HTTPRoute is not compiled yet, got "HTTPRoute"; remove it, or run this on Istio']);
});

test('a single value is refused where its field is compiled', () => {
  expect(named('apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: out, namespace: shop }\nspec: { hosts: ["*.x.example"], resolution: DYNAMIC_DNS }'))
    .toEqual(['out: ServiceEntry spec.resolution may not have this value yet, got "DYNAMIC_DNS"; remove it, or run this on Istio']);
});

test('kinds that shape no traffic are nobody\'s business', () => {
  expect(named('apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: shop }\ndata: { a: b }')).toEqual([]);
});
