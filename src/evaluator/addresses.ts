import type { Address, CidrRange } from '../xds/gen/envoy/config/core/v3/address_pb';

/** `10.0.0.1:80`, the key under which a listener is found; '' for what is no IP socket. */
export function socketKey(address: Address | undefined): string {
  const socket = address?.address.case === 'socketAddress' ? address.address.value : undefined;
  if (socket === undefined || socket.portSpecifier.case !== 'portValue') return '';
  return `${socket.address}:${socket.portSpecifier.value}`;
}

/** An IP range as bytes. */
export interface Range {
  readonly bytes: readonly number[];
  readonly length: number;
}

export function prepareRange(range: CidrRange): Range | undefined {
  const bytes = ipBytes(range.addressPrefix);
  return bytes && { bytes, length: range.prefixLen ?? 0 };
}

export function inRange(address: readonly number[], { bytes, length }: Range): boolean {
  if (address.length !== bytes.length) return false;
  const whole = Math.floor(length / 8);
  for (let i = 0; i < whole; i++) {
    if (address[i] !== bytes[i]) return false;
  }
  const rest = length % 8;
  if (rest === 0) return true;
  const unit = 2 ** (8 - rest);
  return Math.floor(address[whole]! / unit) === Math.floor(bytes[whole]! / unit);
}

/** Bytes of an IPv4 or IPv6 literal; undefined for anything else. */
export function ipBytes(text: string): number[] | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.');
    const bytes = parts.map(part => (/^\d{1,3}$/.test(part) ? Number(part) : NaN));
    return bytes.length === 4 && bytes.every(byte => byte <= 255) ? bytes : undefined;
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(half => groups(half));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 0) return undefined;
  return tail === undefined ? head : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (group.includes('.')) {
      const embedded = ipBytes(group);
      if (embedded === undefined) return undefined;
      bytes.push(...embedded);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(Math.floor(value / 256), value % 256);
    } else {
      return undefined;
    }
  }
  return bytes;
}
