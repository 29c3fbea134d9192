import { compile, listenerJson, modelOf, routesJson, routesOfHost, SHOP } from './support';

const alias = (name: string, externalName: string, namespace = 'shop'): string => (
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { type: ExternalName, externalName: ${externalName} }`);

const domains = (host: string, ...texts: string[]) => routesJson(compile(modelOf(SHOP, ...texts), 'cart.shop'), '8000').virtualHosts.find(({ name }) => name === host)?.domains;

test('an alias is another name of the service it leads to, before the addresses, by namespace and name', () => {
  expect(domains('stock.shop.svc.cluster.local:8000', alias('z', 'stock.shop.svc.cluster.local', 'other'), alias('b', 'a.shop.svc.cluster.local'), alias('a', 'stock.shop.svc.cluster.local'))).toEqual([
    'stock.shop.svc.cluster.local', 'stock.shop.svc.cluster.local.', 'stock', 'stock.shop.svc', 'stock.shop',
    'z.other.svc.cluster.local', 'z.other.svc.cluster.local.', 'z.other', 'z.other.svc',
    'a.shop.svc.cluster.local', 'a.shop.svc.cluster.local.', 'a', 'a.shop.svc', 'a.shop',
    'b.shop.svc.cluster.local', 'b.shop.svc.cluster.local.', 'b', 'b.shop.svc', 'b.shop', '10.96.1.2',
  ]);
});

test('an alias has neither cluster nor listener nor virtual host of its own; a loop or a name that nobody has leads nowhere', () => {
  const compiled = compile(modelOf(SHOP, alias('a', 'b.shop.svc.cluster.local'), alias('b', 'a.shop.svc.cluster.local'), alias('c', 'example.com')), 'cart.shop');
  expect(compiled.clusters.map(({ name }) => name).filter(name => /\|[abc]\.|example/.test(name))).toEqual([]);
  expect(compiled.routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap(host => host.domains)).filter(domain => /^[abc]($|\.)|example/.test(domain))).toEqual([]);
});

test('a rule that sends to an alias sends to what it stands for', () => {
  const rule = 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: r, namespace: shop }\nspec: { hosts: [cart], http: [{ route: [{ destination: { host: a, subset: s, port: { number: 8000 } } }] }] }';
  const [route] = routesOfHost(compile(modelOf(SHOP, alias('a', 'stock.shop.svc.cluster.local'), rule), 'cart.shop'), '8000', 'cart.shop.svc.cluster.local:8000');
  expect(route.route.cluster).toBe('outbound|8000|s|stock.shop.svc.cluster.local');
});

test('a TLS service without an address is known by the names of its aliases, too', () => {
  const entry = 'apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: e, namespace: shop }\nspec: { hosts: [api.example], resolution: DNS, ports: [{ number: 443, name: tls, protocol: TLS }] }';
  const { filterChains } = listenerJson(compile(modelOf(SHOP, entry, alias('a', 'api.example')), 'cart.shop'), '0.0.0.0_443');
  expect(filterChains[0].filterChainMatch.serverNames).toEqual(['a', 'a.shop', 'a.shop.svc', 'a.shop.svc.cluster.local', 'a.shop.svc.cluster.local.', 'api.example']);
});
