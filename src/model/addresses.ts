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
