import { create, equals, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { pack, packOnto, unpack } from '../../src/xds/any';
import { duration, milliseconds } from '../../src/xds/duration';
import { UpstreamTlsContextSchema } from '../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { registry } from '../../src/xds/registry';

test('packing onto what messages have in common gives the message with both', () => {
  const common = { commonTlsContext: { alpnProtocols: ['istio'], validationContextType: { case: 'combinedValidationContext', value: { validationContextSdsSecretConfig: { name: 'ROOTCA' } } } } } as const;
  const own = { sni: 'a.example', commonTlsContext: { validationContextType: { case: 'combinedValidationContext', value: { defaultValidationContext: { matchSubjectAltNames: [{ matchPattern: { case: 'exact', value: 'x' } }] } } } } } as const;
  const base = toBinary(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, common as any));
  const both = unpack(packOnto(UpstreamTlsContextSchema, base, own as any), UpstreamTlsContextSchema);
  const wanted = create(UpstreamTlsContextSchema, {
    sni: 'a.example',
    commonTlsContext: {
      alpnProtocols: ['istio'],
      validationContextType: {
        case: 'combinedValidationContext',
        value: { validationContextSdsSecretConfig: { name: 'ROOTCA' }, defaultValidationContext: { matchSubjectAltNames: [{ matchPattern: { case: 'exact', value: 'x' } }] } },
      },
    },
  });
  expect(both && equals(UpstreamTlsContextSchema, both, wanted)).toBe(true);
});

test('an Any of another type is not unpacked', () => {
  expect(unpack({ ...pack(UpstreamTlsContextSchema), typeUrl: 'type.googleapis.com/other' }, UpstreamTlsContextSchema)).toBeUndefined();
  expect(unpack(undefined, UpstreamTlsContextSchema)).toBeUndefined();
});

test('durations keep whole nanoseconds', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (micros) => {
    expect(milliseconds(duration(micros / 1000))).toBeCloseTo(micros / 1000, 6);
  }));
  expect(duration(999.9999999)).toMatchObject({ seconds: 1n, nanos: 0 });
  expect(duration(9_223_372_035_000)).toMatchObject({ seconds: 9223372035n, nanos: 0 });
});

test('the registry knows what stands in an Any, however deep its file is imported', () => {
  for (const name of [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    'udpa.type.v1.TypedStruct', 'stats.PluginConfig', 'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig', 'google.protobuf.Struct',
  ]) expect([name, registry.getMessage(name) !== undefined]).toEqual([name, true]);
});
