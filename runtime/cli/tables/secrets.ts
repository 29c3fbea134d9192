import { X509Certificate } from 'node:crypto';
import { objectOf, textOf } from '../../../src/model/json';
import type { Json } from '../../../src/model/json';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly valid: boolean;
  readonly serial: string;
  readonly notAfter: string;
  readonly notBefore: string;
  readonly trustDomain: string;
}

/** `proxy-config secret`, as istioctl prints it; with the trust domain where every certificate has one. */
export function secretTable(dump: Pick<ProxyDump, 'secrets'>, now = Date.now()): string {
  if (dump.secrets.length === 0) return 'No secret items to show.\n';
  const rows = dump.secrets.map(({ state, entry }) => rowOf(state, entry, now));
  const withDomain = rows.every(({ trustDomain }) => trustDomain !== '');
  const header = ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE', ...withDomain ? ['TRUST DOMAIN'] : []];
  return columns([header, ...rows.map(({ name, type, status, valid, serial, notAfter, notBefore, trustDomain }) => (
    [name, type, status, String(valid), serial, notAfter, notBefore, ...withDomain ? [trustDomain] : []]))], 5);
}

function rowOf(status: string, entry: Json, now: number): Row {
  const secret = objectOf(entry.secret);
  const chain = objectOf(objectOf(secret.tlsCertificate).certificateChain);
  const ca = objectOf(objectOf(secret.validationContext).trustedCa);
  const certificate = certificateOf(textOf(chain.inlineBytes) ?? textOf(ca.inlineBytes), textOf(chain.inlineString) ?? textOf(ca.inlineString));
  const [from, to] = [certificate?.validFrom, certificate?.validTo].map(date => (date === undefined ? NaN : Date.parse(date)));
  return {
    name: textOf(entry.name) ?? textOf(secret.name) ?? '',
    type: secret.tlsCertificate !== undefined ? 'Cert Chain' : secret.validationContext !== undefined ? 'CA' : '',
    status,
    valid: from < now && now < to,
    serial: certificate?.serialNumber.toLowerCase().replace(/^0+/, '') ?? '',
    notAfter: timeOf(to),
    notBefore: timeOf(from),
    trustDomain: /URI:spiffe:\/\/([^/,]+)/.exec(certificate?.subjectAltName ?? '')?.[1] ?? '',
  };
}

/** The first certificate, in base64 of PEM or as PEM; undefined for what is none, or was not sent yet. */
function certificateOf(base64: string | undefined, pem: string | undefined): X509Certificate | undefined {
  const text = pem ?? (base64 === undefined ? undefined : Buffer.from(base64, 'base64'));
  try {
    return text === undefined ? undefined : new X509Certificate(text);
  } catch {
    return undefined;
  }
}

const timeOf = (time: number): string => (Number.isNaN(time) ? '' : new Date(time).toISOString().replace('.000Z', 'Z'));
