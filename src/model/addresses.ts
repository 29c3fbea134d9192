/** Whether the text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** Whether the text is a dotted IPv4 address. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether the text is an IPv6 address, `::` and an embedded IPv4 tail included. */
export function isIPv6(text: string): boolean {
  if (!text.includes(':')) return false;
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  const plain = tail.includes('.') ? (isIPv4(tail) ? `${text.slice(0, lastColon)}:0:0` : '') : text;
  const halves = plain.split('::');
  if (plain === '' || halves.length > 2) return false;
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')));
  return groups.every(group => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? groups.length < 8 : groups.length === 8);
}

/** An address or CIDR as Istio keeps it: a prefix of full length (/32, /128) is reduced to the address. */
export function withoutFullPrefix(address: string): string {
  const [ip, prefix] = address.split('/');
  return (prefix === '32' && isIPv4(ip)) || (prefix === '128' && isIPv6(ip)) ? ip : address;
}

/** Whether an address is in a range of its own family. */
export function inCidr(address: string, cidr: string): boolean {
  const [prefix, length] = cidr.split('/');
  const [own, first] = [bitsOf(address), bitsOf(prefix)];
  if (own === undefined || first === undefined || own.length !== first.length) return false;
  const count = length === undefined ? own.length : Number(length);
  return own.slice(0, count) === first.slice(0, count);
}

/** A range by its first bits, however its address is written: `10.1.2.3/8` is `10.0.0.0/8`; a plain address is a range of its own. */
export function maskedCidr(cidr: string): string {
  const [prefix, length] = cidr.split('/');
  const bits = bitsOf(prefix);
  return bits === undefined ? cidr : `${bits.length}/${bits.slice(0, length === undefined ? bits.length : Number(length))}`;
}

/** The address as ones and zeros; undefined for what is none. */
function bitsOf(address: string): string | undefined {
  if (isIPv4(address)) return address.split('.').map(part => Number(part).toString(2).padStart(8, '0')).join('');
  if (!isIPv6(address)) return undefined;
  const tail = address.slice(address.lastIndexOf(':') + 1);
  const embedded = isIPv4(tail) ? bitsOf(tail) ?? '' : '';
  const [head, rest] = (embedded === '' ? address : address.slice(0, -tail.length - (address.endsWith(`::${tail}`) ? 0 : 1))).split('::')
    .map(half => half.split(':').filter(group => group !== '').map(group => parseInt(group, 16).toString(2).padStart(16, '0')).join(''));
  return rest === undefined ? head + embedded : head + '0'.repeat(128 - head.length - rest.length - embedded.length) + rest + embedded;
}
