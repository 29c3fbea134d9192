import * as fc from 'fast-check';
import { ISSUER, JWKS } from './tokens';

/** Who may speak to whom: PeerAuthentication, RequestAuthentication and AuthorizationPolicy, for a workload, a namespace, a gateway or the mesh. */

type Spec = Record<string, unknown>;
const security = (kind: string, name: string, namespace: string, spec: Spec, annotations?: Readonly<Record<string, string>>): object => ({
  apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace, ...(annotations && { annotations }) }, spec,
});
const optional = { requiredKeys: [] as [] };

interface Place { readonly namespace: string; readonly selector?: Spec }
const of = (app: string): Place => ({ namespace: 'shop', selector: { matchLabels: { app } } });
const GATEWAY: Place = { namespace: 'istio-system', selector: { matchLabels: { istio: 'ingressgateway' } } };
const place = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(of('alpha'), of('beta')) },
  { weight: 2, arbitrary: fc.constant(GATEWAY) },
  { weight: 2, arbitrary: fc.constantFrom<Place>({ namespace: 'shop' }, { namespace: 'other' }, { namespace: 'istio-system' }) });

const mtls = fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET');
const peerAuthentication = fc.record({ mesh: mtls, namespace: mtls, alpha: mtls, port: mtls }, optional).map(({ mesh, namespace, alpha, port }) => [
  ...(mesh === undefined ? [] : [security('PeerAuthentication', 'default', 'istio-system', { mtls: { mode: mesh } })]),
  ...(namespace === undefined ? [] : [security('PeerAuthentication', 'default', 'shop', { mtls: { mode: namespace } })]),
  ...(alpha === undefined && port === undefined ? [] : [security('PeerAuthentication', 'alpha', 'shop', {
    selector: { matchLabels: { app: 'alpha' } },
    ...(alpha === undefined ? {} : { mtls: { mode: alpha } }),
    ...(port === undefined ? {} : { portLevelMtls: { 8080: { mode: port } } }),
  })]),
]);

const jwtRule = fc.record({
  audiences: fc.constantFrom(['books'], ['music', 'books']),
  fromHeaders: fc.constantFrom<Spec[]>([{ name: 'x-token' }], [{ name: 'authorization', prefix: 'Bearer ' }, { name: 'x-token', prefix: 'T ' }]),
  fromParams: fc.constant(['token']),
  forwardOriginalToken: fc.boolean(),
  outputPayloadToHeader: fc.constant('x-payload'),
  outputClaimToHeaders: fc.constant([{ header: 'x-sub', claim: 'sub' }]),
}, optional).map((more): Spec => ({ issuer: ISSUER, jwks: JWKS, ...more }));
const requestAuthentication = fc.array(fc.tuple(place, jwtRule), { maxLength: 2 })
  .map(all => all.map(([{ namespace, selector }, rule], index) => security('RequestAuthentication', `tokens-${index}`, namespace, { selector, jwtRules: [rule] })));

/** Conditions of many fields at once match nothing. */
const few = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Spec> => (
  fc.subarray(Object.keys(fields), { minLength: 1, maxLength: 2 })
    .chain(keys => fc.record(Object.fromEntries(keys.map(key => [key, fields[key]!])))));
const source = few({
  principals: fc.constantFrom(['*'], ['cluster.local/ns/shop/sa/client'], ['*/sa/beta']),
  notPrincipals: fc.constantFrom(['cluster.local/ns/shop/sa/beta'], ['*']),
  requestPrincipals: fc.constantFrom(['*'], [`${ISSUER}/reader`], ['*/writer']),
  notRequestPrincipals: fc.constantFrom(['*'], [`${ISSUER}/*`]),
  namespaces: fc.constantFrom(['shop'], ['other', 'istio-*']),
  notNamespaces: fc.constantFrom(['other'], ['shop']),
  // Connections come from loopback addresses.
  ipBlocks: fc.constantFrom(['127.0.0.0/8'], ['10.0.0.0/8', '127.0.0.0/8'], ['198.51.100.1']),
  notIpBlocks: fc.constantFrom(['127.0.0.0/8'], ['198.51.100.0/24']),
  // A gateway tells what loopback addresses it is asked from by an address of the machine.
  remoteIpBlocks: fc.constantFrom(['0.0.0.0/0'], ['198.51.100.0/24']),
});
const operation = few({
  methods: fc.constantFrom(['GET'], ['POST', 'PUT']),
  notMethods: fc.constantFrom(['POST'], ['GET', 'OPTIONS']),
  paths: fc.constantFrom(['/a*'], ['/a', '*b'], ['/{*}/b'], ['/a/{**}']),
  notPaths: fc.constantFrom(['/a/b'], ['/b*']),
  hosts: fc.constantFrom(['alpha*'], ['*'], ['*.example']),
  notHosts: fc.constantFrom(['beta*'], ['a.example']),
  ports: fc.constantFrom(['8080'], ['8000', '8080']),
  notPorts: fc.constant(['8081']),
});
const condition = fc.constantFrom<Spec>(
  { key: 'request.headers[x]', values: ['a*'] }, { key: 'request.headers[x]', notValues: ['a', 'b'] },
  { key: 'request.auth.claims[group]', values: ['staff', 'guest'] }, { key: 'request.auth.claims[group]', notValues: ['staff'] },
  { key: 'request.auth.claims[nested][team]', values: ['a'] }, { key: 'request.auth.audiences', values: ['music'] },
  { key: 'request.auth.principal', values: [`${ISSUER}/*`] }, { key: 'source.namespace', values: ['shop'] },
  { key: 'source.principal', notValues: ['*/sa/client'] }, { key: 'destination.port', values: ['8080'] }, { key: 'source.ip', values: ['127.0.0.0/8'] },
);
const authorizationRule = fc.record({
  from: fc.array(source.map(each => ({ source: each })), { minLength: 1, maxLength: 2 }),
  to: fc.array(operation.map(each => ({ operation: each })), { minLength: 1, maxLength: 2 }),
  when: fc.array(condition, { minLength: 1, maxLength: 2 }),
}, optional);
const authorization = fc.array(fc.record({
  // Nearly valid: nobody has told the mesh of this provider.
  action: fc.oneof({ weight: 30, arbitrary: fc.constantFrom<Spec>({}, { action: 'ALLOW' }, { action: 'DENY' }, { action: 'AUDIT' }) }, { weight: 1, arbitrary: fc.constant<Spec>({ action: 'CUSTOM', provider: { name: 'nobody' } }) }),
  rules: fc.option(fc.array(authorizationRule, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 9 }),
  at: place,
  dryRun: fc.constantFrom(false, false, false, false, true),
}), { maxLength: 2 }).map(all => all.map(({ action, rules, at, dryRun }, index) => security(
  'AuthorizationPolicy', `access-${index}`, at.namespace, { selector: at.selector, ...action, ...(rules && { rules }) }, dryRun ? { 'istio.io/dry-run': 'true' } : undefined)));

export const policies: fc.Arbitrary<object[]> = fc.tuple(peerAuthentication, requestAuthentication, authorization).map(all => all.flat());
