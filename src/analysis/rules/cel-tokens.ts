/** A word of CEL. */
export interface Token {
  /** `end` closes every list of tokens. */
  readonly kind: 'name' | 'quoted' | 'int' | 'uint' | 'float' | 'string' | 'bytes' | 'mark' | 'end';
  readonly text: string;
  /** Where it begins, from 0. */
  readonly at: number;
}

/** What is wrong with a text, and where. */
export class CelError extends Error {
  public constructor(message: string, at: number) {
    super(`${message} at character ${at + 1}`);
  }
}

const BLANK = /(?:[\t\n\f\r ]+|\/\/[^\n]*)+/y;
const NUMBER = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(0x[0-9a-fA-F]+|\d+)([uU]?)/y;
const NAME = /[A-Za-z_]\w*/y;
const QUOTED = /`[\w.\-/ ]+`/y;
const MARK = /&&|\|\||==|!=|<=|>=|[<>+\-*/%?:!.,()[\]{}]/y;
const TEXT = /([bB]?)([rR]?)("""|'''|"|')/y;

/** The words of an expression. Throws CelError for what begins none. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const add = (kind: Token['kind'], length: number): void => {
    tokens.push({ kind, text: text.slice(at, at + length), at });
    at += length;
  };
  for (;;) {
    at += read(BLANK)?.[0].length ?? 0;
    if (at >= text.length) break;
    const quote = read(TEXT);
    const number = quote === null ? read(NUMBER) : null;
    if (quote !== null) {add(quote[1] === '' ? 'string' : 'bytes', textLength(text, at, quote));} else if (number !== null) {add(checkNumber(number, at), number[0].length);} else {
      const [kind, found] = ([['name', NAME], ['quoted', QUOTED], ['mark', MARK]] as const).map(([each, pattern]) => [each, read(pattern)] as const).find(([, match]) => match !== null) ?? [];
      if (kind === undefined || !found) throw new CelError('nothing of CEL begins', at);
      add(kind, found[0].length);
    }
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

/** 2^63 is an int behind a minus only; the parser looks at that. */
export const LARGEST = 2n ** 63n;

function checkNumber([whole, digits, unsigned]: RegExpExecArray, at: number): 'int' | 'uint' | 'float' {
  if (digits === undefined) {
    if (!Number.isFinite(Number(whole))) throw new CelError('a number is too large', at);
    return 'float';
  }
  if (BigInt(digits) >= (unsigned === '' ? LARGEST + 1n : 2n * LARGEST)) throw new CelError('a number is too large', at);
  return unsigned === '' ? 'int' : 'uint';
}

const ESCAPE = /\\(?:[abfnrtv\\'"`?]|[xX][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[0-3][0-7]{2})/y;

function textLength(text: string, start: number, [opening, bytes, raw, quote]: RegExpExecArray): number {
  let at = start + opening.length;
  while (!text.startsWith(quote, at)) {
    if (at >= text.length || (quote.length === 1 && /[\n\r]/.test(text[at]))) throw new CelError('a text has no end', start);
    if (text[at] !== '\\' || raw !== '') {
      at += 1;
      continue;
    }
    ESCAPE.lastIndex = at;
    const escape = ESCAPE.exec(text);
    if (escape === null) throw new CelError('nothing is written so', at);
    const code = parseInt(escape[1] ?? escape[2] ?? '0', 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || (bytes !== '' && (escape[1] ?? escape[2]) !== undefined)) throw new CelError('no character is written so', at);
    at += escape[0].length;
  }
  return at + quote.length - start;
}
