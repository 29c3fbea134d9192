import { once } from 'events';
import { createServer, type IncomingMessage } from 'http';
import { connect, type AddressInfo } from 'net';
import fc from 'fast-check';
import { BAD, HeadScanner, MORE, type HeadKind } from '../../runtime/proxy/http1/head-scanner';

const TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const token = fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 20 });
const visible = fc.constantFrom(...Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)), '\xe9', '\x80');
const value = fc.array(fc.string({ unit: visible, minLength: 1, maxLength: 12 }), { maxLength: 4 }).map(words => words.join(' \t'));
const space = fc.constantFrom('', ' ', '\t', '  ');
const field = fc.tuple(token, space, value, space);
const target = fc.string({ unit: visible.filter(char => char < '\x7f' && char !== '#'), maxLength: 30 }).map(rest => `/${rest}`);
const head = fc.record({ method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'), target, fields: fc.array(field, { maxLength: 12 }) });

type Field = [string, string, string, string];

function text({ method, target: path, fields }: { method: string; target: string; fields: Field[] }): string {
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, before, content, after]) => `${name}:${before}${content}${after}\r\n`).join('')}\r\n`;
}

interface Read {
  readonly end: number;
  readonly fields?: [string, string][];
  readonly line?: [string, string];
  readonly fault?: string;
}

/** Feeds `bytes`, cut at `cuts`, to a scanner. `end` counts from the first byte. */
function scan(bytes: string, cuts: readonly number[] = [], kind: HeadKind = 'request', maxBytes = 60 * 1024): Read {
  const scanner = new HeadScanner(kind, maxBytes);
  let at = 0;
  for (const cut of [...[...new Set(cuts)].sort((a, b) => a - b), bytes.length]) {
    const chunk = Buffer.from(bytes.slice(at, cut), 'latin1');
    const end = chunk.length === 0 ? MORE : scanner.read(chunk, 0);
    if (end === BAD) return { end: BAD, fault: scanner.fault };
    if (end >= 0) {
      const names = Array.from({ length: scanner.count }, (_, i): [string, string] => [scanner.name(i), scanner.value(i)]);
      const { text: read, methodStart, methodEnd, targetStart, targetEnd } = scanner;
      const line: [string, string] = [read.slice(methodStart, methodEnd), read.slice(targetStart, targetEnd)];
      return { end: at + end, fields: names, line };
    }
    at = cut;
  }
  return { end: MORE };
}

test('reads the same head however its bytes are split', () => {
  fc.assert(fc.property(head, fc.array(fc.nat(400), { maxLength: 8 }), (parts, cuts) => {
    const bytes = text(parts as { method: string; target: string; fields: Field[] });
    const whole = scan(bytes);
    expect(whole.end).toBe(bytes.length);
    expect(whole.line).toEqual([parts.method, parts.target]);
    expect(whole.fields).toEqual(parts.fields.map(([name, , content]) => [name.toLowerCase(), content]));
    expect(scan(bytes, cuts.filter(cut => cut < bytes.length))).toEqual(whole);
    expect(scan(`${bytes}GET /next`, cuts.filter(cut => cut < bytes.length)).end).toBe(bytes.length);
  }), { numRuns: 300 });
});

test('refuses or accepts any bytes alike, however they are split', () => {
  const noise = fc.string({ unit: fc.constantFrom('\r', '\n', ' ', ':', 'a', 'G', '/', '\0', '\t', '\x7f', '1', 'HTTP/1.1', 'GET / HTTP/1.1\r\n', 'a: b\r\n'), maxLength: 30 });
  fc.assert(fc.property(noise, fc.array(fc.nat(100), { maxLength: 6 }), (bytes, cuts) => {
    expect(scan(bytes, cuts.filter(cut => cut < bytes.length))).toEqual(scan(bytes));
  }), { numRuns: 1000 });
});

test('agrees with Node\'s parser on every head that it accepts', async () => {
  const server = createServer((request, response) => response.end(JSON.stringify([request.method, request.url, pairs(request)])));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ask = async (bytes: string): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end(bytes, 'latin1');
    let answer = '';
    for await (const chunk of socket) answer += chunk as string;
    return answer;
  };
  // Names that mean something to framing are not what this test is about.
  const plain = head.filter(({ fields }) => !fields.some(([name]) => /^(content-length|transfer-encoding|connection|host|expect|upgrade)$/i.test(name)));
  await fc.assert(fc.asyncProperty(plain, async parts => {
    const fields = [...parts.fields, ['host', ' ', 'a', ''], ['connection', ' ', 'close', '']] as Field[];
    const bytes = text({ method: 'GET', target: parts.target, fields });
    const mine = scan(bytes);
    const answer = await ask(bytes);
    expect(answer).toContain('HTTP/1.1 200 OK');
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toEqual([...mine.line!, mine.fields]);
  }), { numRuns: 60 });
  server.close();
});

function pairs({ rawHeaders }: IncomingMessage): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, i) => [rawHeaders[2 * i].toLowerCase(), rawHeaders[2 * i + 1]]);
}

test.each<[string, string, string]>([
  ['bare LF after the request line', 'GET / HTTP/1.1\na: b\r\n\r\n', 'syntax'],
  ['bare LF after a field', 'GET / HTTP/1.1\r\na: b\n\r\n', 'syntax'],
  ['bare CR in a value', 'GET / HTTP/1.1\r\na: b\rc\r\n\r\n', 'syntax'],
  ['a folded line', 'GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n', 'syntax'],
  ['a space before the colon', 'GET / HTTP/1.1\r\na : b\r\n\r\n', 'syntax'],
  ['a field without a name', 'GET / HTTP/1.1\r\n: b\r\n\r\n', 'syntax'],
  ['a field without a colon', 'GET / HTTP/1.1\r\nab\r\n\r\n', 'syntax'],
  ['NUL in a value', 'GET / HTTP/1.1\r\na: \0\r\n\r\n', 'syntax'],
  ['DEL in a value', 'GET / HTTP/1.1\r\na: \x7f\r\n\r\n', 'syntax'],
  ['a parenthesis in a name', 'GET / HTTP/1.1\r\na(: b\r\n\r\n', 'syntax'],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\n\r\n', 'syntax'],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\n\r\n', 'syntax'],
  ['a target that is not ASCII', 'GET /\xe9 HTTP/1.1\r\n\r\n', 'syntax'],
  ['a fragment', 'GET /#a HTTP/1.1\r\n\r\n', 'syntax'],
  ['HTTP/1.10', 'GET / HTTP/1.10\r\n\r\n', 'syntax'],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\n\r\n', 'version'],
  ['no version', 'GET /\r\n\r\n', 'version'],
  ['a TLS hello', '\x16\x03\x01', 'syntax'],
])('refuses %s', (_case, bytes, fault) => {
  expect(scan(bytes)).toEqual({ end: BAD, fault });
});

test.each<[number, boolean]>([[63, true], [64, true], [65, false], [66, false]])('takes a head of at most 64 bytes: one of %i', (size, taken) => {
  const bytes = `GET / HTTP/1.1\r\na: ${'b'.repeat(size - 23)}\r\n\r\n`;
  expect(bytes).toHaveLength(size);
  for (const cuts of [[], [10], [1, 2, 3, size - 1]]) {
    expect(scan(bytes, cuts, 'request', 64)).toEqual(taken ? expect.objectContaining({ end: size }) : { end: BAD, fault: 'too_large' });
  }
});

test.each<[number, boolean]>([[99, true], [100, true], [101, false], [102, false]])('takes at most 100 fields: %i', (count, taken) => {
  const bytes = `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(count)}\r\n`;
  expect(scan(bytes).fault).toBe(taken ? undefined : 'too_many');
});

test('reads a status line with and without a reason', () => {
  expect(scan('HTTP/1.1 204 No Content\r\na: b\r\n\r\n', [], 'response').line![1]).toBe('No Content');
  expect(scan('HTTP/1.0 200\r\n\r\n', [], 'response').end).toBe(16);
  expect(scan('HTTP/1.1 20 OK\r\n\r\n', [], 'response').end).toBe(BAD);
  expect(scan('HTTP/1.1 2000 OK\r\n\r\n', [], 'response').end).toBe(BAD);
  expect(scan('HTTP/2 200 OK\r\n\r\n', [], 'response').end).toBe(BAD);
});
