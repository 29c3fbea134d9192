import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
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

/** Files of the proxy's own, which stock Envoy reads itself: `file-root:CA`, `file-cert:CERT~KEY`. Istio's agent answers these on the spot. */
const ROOT_FILE = 'file-root:';
const PAIR_FILES = 'file-cert:';
/** The machine's trusted roots. */
const SYSTEM_ROOTS = 'file-root:system';

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
    if (name === SYSTEM_ROOTS) return this.remember(name, () => trusted(name, systemRoots()));
    if (name.startsWith(ROOT_FILE)) return this.remember(name, () => validation(name, file(name.slice(ROOT_FILE.length))));
    if (name.startsWith(PAIR_FILES)) {
      const [chain, key] = name.slice(PAIR_FILES.length).split('~');
      return chain && key ? this.remember(name, () => pair(name, file(chain), file(key))) : undefined;
    }
    return undefined; // another provider's
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
    const holder = wantsCa ? findSecret(model, namespace, name.slice(0, -CA_SUFFIX.length)) : undefined;
    return holder && this.read(holder, sdsName, 'ca');
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
  return pair(name, inline(certificateChain), inline(privateKey));
}

function trusted(name: string, certificate: string | Uint8Array): Secret {
  return validation(name, inline(typeof certificate === 'string' ? text(certificate) : certificate));
}

function pair(name: string, certificateChain: DataSource, privateKey: DataSource): Secret {
  return create(SecretSchema, { name, type: { case: 'tlsCertificate', value: create(TlsCertificateSchema, { certificateChain, privateKey }) } });
}

function validation(name: string, trustedCa: DataSource): Secret {
  return create(SecretSchema, { name, type: { case: 'validationContext', value: create(CertificateValidationContextSchema, { trustedCa }) } });
}

function file(filename: string): DataSource {
  return create(DataSourceSchema, { specifier: { case: 'filename', value: filename } });
}

/** Every system keeps its roots elsewhere; where none of the usual places has them, Mozilla's as Node brings them. */
function systemRoots(): string {
  const path = ROOT_BUNDLES.find(each => existsSync(each));
  return path === undefined ? rootCertificates.join('\n') : readFileSync(path, 'utf8');
}

const ROOT_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem', // macOS, BSD
];

function inline(bytes: Uint8Array): DataSource {
  return create(DataSourceSchema, { specifier: { case: 'inlineBytes', value: bytes } });
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
