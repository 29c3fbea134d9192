import { toJson } from '@bufbuild/protobuf';
import type { JsonObject } from '@bufbuild/protobuf';
import type { Model } from '../../../src/model/model';
import type { Proxy } from '../../../src/model/proxy';
import { SecretSchema } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { Authority } from '../../control-plane/ca/authority';
import { SecretMaker } from '../../control-plane/ca/secrets';

/**
 * The SecretsConfigDump of a proxy before it runs: Secrets of the input are there, without their keys, as Envoy prints them; whatever
 * the control plane makes when the proxy asks is still awaited.
 */
export async function secretsDump(model: Model, proxy: Proxy, names: readonly string[]): Promise<JsonObject> {
  const given = names.filter(name => name.startsWith('kubernetes://'));
  const { secrets } = given.length === 0 ? { secrets: [] } : await new SecretMaker(await Authority.create()).make(model, proxy, given);
  const known = new Set(secrets.map(({ name }) => name));
  const active = secrets.map(secret => ({ name: secret.name, secret: withoutKey({ '@type': TYPE, ...toJson(SecretSchema, secret) as JsonObject }) }));
  const warming = names.filter(name => !known.has(name)).map(name => ({ name, secret: { '@type': TYPE, name, ...isCa(name) ? { validationContext: {} } : { tlsCertificate: {} } } }));
  return {
    '@type': 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump',
    ...active.length > 0 && { dynamicActiveSecrets: active },
    ...warming.length > 0 && { dynamicWarmingSecrets: warming },
  };
}

const isCa = (name: string): boolean => name === 'ROOTCA' || name.startsWith('file-root:') || name.endsWith('-cacert');

const TYPE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

function withoutKey(secret: JsonObject): JsonObject {
  const pair = secret.tlsCertificate as JsonObject | undefined;
  return pair === undefined ? secret : { ...secret, tlsCertificate: { ...pair, privateKey: { inlineBytes: Buffer.from('[redacted]').toString('base64') } } };
}
