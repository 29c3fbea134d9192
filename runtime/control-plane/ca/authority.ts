import 'reflect-metadata'; // first: @peculiar/x509 needs it while it loads
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate chain with its key, PEM. */
export interface Identity {
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface AuthorityOptions {
  readonly now: () => Date;
  /** How long the root is good for. */
  readonly rootDays: number;
  /** How long workload certificates are good for. */
  readonly workloadDays: number;
}

/** Nothing is renewed while the control plane runs, so certificates outlive any run of it; a new run makes a new root. */
export const AUTHORITY_DEFAULTS: AuthorityOptions = { now: () => new Date(), rootDays: 3650, workloadDays: 365 };

/** Elliptic curve P-256: what Istio issues, and cheap enough to make one per workload at start. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Certificates start in the past, for peers whose clock is behind. */
const BACKDATE_MS = 2 * 60 * 1000;

/** A certificate authority that lives in memory: a self-signed root, and workload certificates with a SPIFFE identity. */
export class Authority {
  public static async create(options: AuthorityOptions = AUTHORITY_DEFAULTS): Promise<Authority> {
    const keys = await generateKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: 'O=cdk8s-mesh',
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity(options, options.rootDays),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(usage(x509.KeyUsageFlags.keyCertSign, x509.KeyUsageFlags.cRLSign), true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new Authority(options, keys, root);
  }

  private readonly issued = new Map<string, Promise<Identity>>();

  private constructor(
    private readonly options: AuthorityOptions, private readonly keys: CryptoKeyPair, private readonly root: x509.X509Certificate,
  ) {}

  /** The root certificate, PEM. */
  public get rootCertificate(): string {
    return pem(this.root);
  }

  /** The certificate of a SPIFFE identity: the same one however often it is asked for. */
  public identity(id: string): Promise<Identity> {
    let identity = this.issued.get(id);
    if (!identity) {
      identity = this.issue(id);
      this.issued.set(id, identity);
    }
    return identity;
  }

  private async issue(id: string): Promise<Identity> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      // The identity is the URI alone, as SPIFFE asks: the subject stays empty, which makes the alternative name critical.
      serialNumber: serialNumber(),
      subject: '',
      issuer: this.root.subject,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(this.options, this.options.workloadDays),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(usage(x509.KeyUsageFlags.digitalSignature, x509.KeyUsageFlags.keyEncipherment), true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: id }], true),
        await x509.AuthorityKeyIdentifierExtension.create(this.root),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { certificateChain: pem(certificate), privateKey: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` };
  }
}

/** `spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT`. */
export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

async function generateKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity({ now }: AuthorityOptions, days: number): { notBefore: Date; notAfter: Date } {
  const start = now().getTime() - BACKDATE_MS;
  return { notBefore: new Date(start), notAfter: new Date(start + days * DAY_MS) };
}

/** 16 random bytes; the first is kept below 0x80 and above 0, so that the number is positive and of full length. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! % 0x7f) + 1;
  return Buffer.from(bytes).toString('hex');
}

/** Different flags added up are their union. */
function usage(...flags: x509.KeyUsageFlags[]): x509.KeyUsageFlags {
  return flags.reduce<number>((union, flag) => union + flag, 0);
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
