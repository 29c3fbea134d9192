import { createPrivateKey, X509Certificate } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { spiffeId } from './authority';
import type { Authority } from './authority';
import { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import type { Proxy } from '../../../src/model/proxy';
import { resourceName, whereOf } from '../../../src/model/resource';
import type { Resource } from '../../../src/model/resource';
import { DataSourceSchema } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';
import type { DataSource } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';
import { CertificateValidationContextSchema, TlsCertificateSchema } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { SecretSchema } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { Secret } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';

/** SDS name of a workload's own certificate. */
const WORKLOAD = 'default';
/** SDS name of the mesh's root certificate. */
const ROOT = 'ROOTCA';
/** A Secret of the proxy's own namespace, `kubernetes://NAME`; with the suffix, the CA to check clients against. */
const KUBERNETES = 'kubernetes://';
const CA_SUFFIX = '-cacert';

/** Secrets that could be made, and why others could not. */
export interface Secrets {
  readonly secrets: readonly Secret[];
  readonly errors: readonly MeshError[];
}

/**
 * Makes the secrets a proxy's own configuration refers to, and no others: the names come from what was compiled for it, its
 * identity and namespace from its node. A secret that does not exist is left out, so that what needs it waits (F5).
 */
export class SecretMaker {
  private readonly issued = new Map<string, Secret>();
  private readonly fromResources = new WeakMap<Resource, Map<string, Secret | MeshError | undefined>>();

  public constructor(private readonly authority: Authority) {}

  public async make(model: Model, proxy: Proxy, names: readonly string[]): Promise<Secrets> {
    const secrets: Secret[] = [];
    const errors: MeshError[] = [];
    for (const name of names) {
      const made = await this.one(model, proxy, name);
      if (made instanceof MeshError) errors.push(made);
      else if (made) secrets.push(made);
    }
    return { secrets, errors };
  }

  private async one(model: Model, proxy: Proxy, name: string): Promise<Secret | MeshError | undefined> {
    if (name === WORKLOAD) return this.workload(spiffeId(model.config.trustDomain, proxy.namespace, proxy.serviceAccount));
    if (name === ROOT) return this.remember(ROOT, () => trusted(ROOT, this.authority.rootCertificate));
    if (name.startsWith(KUBERNETES)) return this.kubernetes(model, proxy.namespace, name);
    return undefined; // files and other providers are read by the proxy itself
  }

  private async workload(identity: string): Promise<Secret> {
    const { certificateChain, privateKey } = await this.authority.identity(identity);
    return this.remember(identity, () => keyPair(WORKLOAD, text(certificateChain), text(privateKey)));
  }

  /** One message for all proxies that share it, so that it is encoded once. */
  private remember(key: string, make: () => Secret): Secret {
    let secret = this.issued.get(key);
    if (!secret) {
      secret = make();
      this.issued.set(key, secret);
    }
    return secret;
  }

  private kubernetes(model: Model, namespace: string, sdsName: string): Secret | MeshError | undefined {
    const name = sdsName.slice(KUBERNETES.length);
    const own = findSecret(model, namespace, name);
    const wantsCa = name.endsWith(CA_SUFFIX);
    if (own) {
      const made = this.read(own, sdsName, wantsCa ? 'ca' : 'pair');
      if (made !== undefined) return made;
    }
    // The CA may stand in the Secret of the key pair itself.
    const pair = wantsCa ? findSecret(model, namespace, name.slice(0, -CA_SUFFIX.length)) : undefined;
    return pair && this.read(pair, sdsName, 'ca');
  }

  private read(resource: Resource, sdsName: string, want: 'pair' | 'ca'): Secret | MeshError | undefined {
    let known = this.fromResources.get(resource);
    if (!known) this.fromResources.set(resource, known = new Map());
    if (!known.has(sdsName)) known.set(sdsName, want === 'pair' ? readPair(resource, sdsName) : readCa(resource, sdsName));
    return known.get(sdsName);
  }
}

function findSecret(model: Model, namespace: string, name: string): Resource | undefined {
  return model.of('Secret').find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
}

function readPair(resource: Resource, sdsName: string): Secret | MeshError | undefined {
  const [chain, key] = valuesOf(resource, 'tls.crt', 'tls.key') ?? valuesOf(resource, 'cert', 'key') ?? [];
  if (!chain || !key) return invalid(resource, `it holds tls.crt and tls.key (or cert and key), got ${keysOf(resource)}`);
  try {
    if (!new X509Certificate(chain).checkPrivateKey(createPrivateKey(key))) return invalid(resource, 'the key belongs to the certificate, got two that do not match');
  } catch (error) {
    return invalid(resource, `certificate and key are PEM, got what cannot be read (${(error as Error).message})`);
  }
  return keyPair(sdsName, chain, key);
}

function readCa(resource: Resource, sdsName: string): Secret | MeshError | undefined {
  const ca = valueOf(resource, 'ca.crt') ?? valueOf(resource, 'cacert');
  if (!ca) return undefined;
  try {
    new X509Certificate(ca);
  } catch (error) {
    return invalid(resource, `the CA certificate is PEM, got what cannot be read (${(error as Error).message})`);
  }
  return trusted(sdsName, ca);
}

function invalid(resource: Resource, rule: string): MeshError {
  return new MeshError('MESH_SECRET_INVALID', `of a TLS Secret ${rule}; repair ${resourceName(resource)}`, whereOf(resource));
}

/** `data` is base64, `stringData` (what people write into manifests) is plain and wins, as with the API server. */
function valueOf(resource: Resource, key: string): Buffer | undefined {
  const plain = record(resource.document.stringData)[key];
  if (typeof plain === 'string') return Buffer.from(plain);
  const encoded = record(resource.document.data)[key];
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : undefined;
}

/** Both values, or nothing: a certificate of one form never goes with a key of the other. */
function valuesOf(resource: Resource, first: string, second: string): [Buffer, Buffer] | undefined {
  const values = [valueOf(resource, first), valueOf(resource, second)];
  return values[0] && values[1] && [values[0], values[1]];
}

function keysOf(resource: Resource): string {
  const keys = [...Object.keys(record(resource.document.data)), ...Object.keys(record(resource.document.stringData))].sort();
  return keys.length === 0 ? 'nothing' : keys.join(', ');
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {};
}

function keyPair(name: string, certificateChain: Uint8Array, privateKey: Uint8Array): Secret {
  const tlsCertificate = create(TlsCertificateSchema, { certificateChain: inline(certificateChain), privateKey: inline(privateKey) });
  return create(SecretSchema, { name, type: { case: 'tlsCertificate', value: tlsCertificate } });
}

function trusted(name: string, certificate: string | Uint8Array): Secret {
  const context = create(CertificateValidationContextSchema, { trustedCa: inline(typeof certificate === 'string' ? text(certificate) : certificate) });
  return create(SecretSchema, { name, type: { case: 'validationContext', value: context } });
}

function inline(bytes: Uint8Array): DataSource {
  return create(DataSourceSchema, { specifier: { case: 'inlineBytes', value: bytes } });
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
