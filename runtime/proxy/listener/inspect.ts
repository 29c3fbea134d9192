/** What the first bytes of a connection say about it. */
export interface Inspection {
  readonly transport: 'raw_buffer' | 'tls';
  readonly http?: 'http/1.0' | 'http/1.1' | 'h2c';
  readonly sni?: string;
  readonly alpn?: readonly string[];
}

const TLS_HANDSHAKE = 0x16;
const H2_PREFACE = 'PRI * HTTP/2.0\r\n';
const MAX_LINE = 8 * 1024;
const REQUEST_LINE = /^[A-Z][A-Z-]* [!-~]+ HTTP\/1\.([01])\r?\n/;
const MAYBE_REQUEST_LINE = /^[A-Z][A-Z-]{0,31}(?: [!-~]*(?: [HTP/1.0]{0,8}\r?)?)?$/;

/** As Envoy's TLS and HTTP inspectors: undefined while more bytes are needed to tell. */
export function inspect(bytes: Buffer): Inspection | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === TLS_HANDSHAKE) return inspectTls(bytes);
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_LINE));
  if (text.length < H2_PREFACE.length && H2_PREFACE.startsWith(text)) return undefined;
  if (text.startsWith(H2_PREFACE)) return { transport: 'raw_buffer', http: 'h2c' };
  const line = REQUEST_LINE.exec(text);
  if (line !== null) return { transport: 'raw_buffer', http: line[1] === '0' ? 'http/1.0' : 'http/1.1' };
  return text.length < MAX_LINE && MAYBE_REQUEST_LINE.test(text) ? undefined : { transport: 'raw_buffer' };
}

/** Server name and ALPN out of a ClientHello (RFC 8446 4.1.2). A hello that is not understood is TLS without either. */
function inspectTls(bytes: Buffer): Inspection | undefined {
  if (bytes.length < 5) return undefined;
  const end = 5 + bytes.readUInt16BE(3);
  if (bytes.length < end && bytes.length < MAX_LINE) return undefined;
  try {
    return { transport: 'tls', ...extensions(bytes.subarray(5, end)) };
  } catch {
    return { transport: 'tls' };
  }
}

function extensions(hello: Buffer): { sni?: string; alpn?: string[] } {
  let at = 4 + 2 + 32; // handshake header, version, random
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression methods
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  const found: { sni?: string; alpn?: string[] } = {};
  while (at + 4 <= end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    const body = hello.subarray(at + 4, at + 4 + length);
    if (type === 0) found.sni = body.toString('latin1', 5, 5 + body.readUInt16BE(3));
    if (type === 16) found.alpn = protocols(body.subarray(2));
    at += 4 + length;
  }
  return found;
}

function protocols(list: Buffer): string[] {
  const out: string[] = [];
  for (let at = 0; at < list.length; at += 1 + list[at]) out.push(list.toString('latin1', at + 1, at + 1 + list[at]));
  return out;
}
