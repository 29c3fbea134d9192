import { CelError, LARGEST, tokensOf } from './cel-tokens';
import type { Token } from './cel-tokens';

/** Why a text is no expression of CEL; undefined where it is one. Its grammar and macros are checked; what names mean, and types, are not. */
export function celFault(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty';
  if ([...text].length > 100_000) return 'it is longer than 100000 characters';
  try {
    new Parser(tokensOf(text)).whole();
    return undefined;
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
}

const RESERVED: ReadonlySet<string> = new Set(['as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace',
  'return', 'var', 'void', 'while']);
const KEYWORDS: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null']);
const CONSTANTS: ReadonlySet<string> = new Set(['true', 'false', 'null']);

/** Macros over lists and maps, with the numbers of arguments they take; their first argument names a variable. */
const MACROS: Readonly<Record<string, readonly number[]>> = { all: [2], exists: [2], exists_one: [2], existsOne: [2], map: [2, 3], filter: [2] };

/** What an expression is, as far as macros ask. */
interface Shape { readonly name?: string; readonly select?: true }

const MAX_DEPTH = 250;

/** Operators of two values, those that bind least first. */
const LEVELS: readonly (readonly string[])[] = [['||'], ['&&'], ['<', '<=', '>=', '>', '==', '!=', 'in'], ['+', '-'], ['*', '/', '%']];

class Parser {
  private at = 0;
  private depth = 0;

  public constructor(private readonly tokens: readonly Token[]) {}

  public whole(): void {
    this.expression();
    if (this.next.kind !== 'end') throw this.error('an operator is missing');
  }

  private get next(): Token {
    return this.tokens[this.at];
  }

  private error(message: string): CelError {
    return new CelError(message, this.next.at);
  }

  private is(...marks: readonly string[]): boolean {
    return (this.next.kind === 'mark' || this.next.text === 'in') && marks.includes(this.next.text);
  }

  private skip(mark: string): boolean {
    if (!this.is(mark)) return false;
    this.at += 1;
    return true;
  }

  private need(mark: string): void {
    if (!this.skip(mark)) throw this.error(`${mark} is missing`);
  }

  private expression(): Shape {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.error('it is nested too deeply');
    let shape = this.binary(0);
    if (this.skip('?')) {
      this.binary(0);
      this.need(':');
      this.expression();
      shape = {};
    }
    this.depth -= 1;
    return shape;
  }

  private binary(level: number): Shape {
    const operators = LEVELS[level];
    if (operators === undefined) return this.unary();
    let shape = this.binary(level + 1);
    while (this.is(...operators)) {
      this.at += 1;
      this.binary(level + 1);
      shape = {};
    }
    return shape;
  }

  /** Several of one sign, never both. */
  private unary(): Shape {
    const sign = this.is('!', '-') ? this.next.text : undefined;
    if (sign === undefined) return this.member();
    while (this.skip(sign)) if (sign === '!' && this.is('-') && ['int', 'float'].includes(this.tokens[this.at + 1].kind)) this.at += 1;
    this.member(sign === '-');
    return {};
  }

  private member(negative = false): Shape {
    let shape = this.primary(negative);
    // Names joined by dots may be the type of a message.
    let isType = shape.name !== undefined;
    for (;;) {
      if (this.skip('.')) {
        const { kind, text } = this.next;
        if (!(kind === 'name' && !KEYWORDS.has(text)) && kind !== 'quoted') throw this.error('a name is missing');
        this.at += 1;
        const called = kind === 'name' && this.is('(');
        if (called) this.macro(text);
        shape = called ? {} : { select: true };
        isType &&= !called && kind === 'name';
      } else if (this.skip('[')) {
        this.expression();
        this.need(']');
        [shape, isType] = [{}, false];
      } else if (isType && this.is('{')) {
        this.entries(() => {
          if ((this.next.kind !== 'name' || KEYWORDS.has(this.next.text)) && this.next.kind !== 'quoted') throw this.error('a field is missing');
          this.at += 1;
        });
        [shape, isType] = [{}, false];
      } else {
        return shape;
      }
    }
  }

  private primary(negative: boolean): Shape {
    const { kind, text, at } = this.next;
    if (['int', 'uint', 'float', 'string', 'bytes'].includes(kind)) {
      if (kind === 'int' && !negative && BigInt(text) >= LARGEST) throw this.error('a number is too large');
      this.at += 1;
      return {};
    }
    if (this.skip('(')) {
      const shape = this.expression();
      this.need(')');
      return { select: shape.select };
    }
    if (this.skip('[')) {
      this.list(']');
      return {};
    }
    if (this.is('{')) {
      this.entries(() => void this.expression());
      return {};
    }
    const rooted = this.skip('.');
    const name = this.next;
    if (name.kind !== 'name' || (KEYWORDS.has(name.text) && (rooted || !CONSTANTS.has(name.text)))) throw new CelError('a value is missing', at);
    this.at += 1;
    if (KEYWORDS.has(name.text)) return {};
    if (this.is('(')) {
      const given = this.arguments();
      if (name.text === 'has' && !rooted && given.length === 1 && given[0].select !== true) throw new CelError('has() asks for a field', at);
      return {};
    }
    if (RESERVED.has(name.text)) throw new CelError(`${name.text} is reserved`, at);
    return { name: name.text };
  }

  private macro(name: string): void {
    const { at } = this.next;
    const given = this.arguments();
    if (!Object.prototype.hasOwnProperty.call(MACROS, name) || !MACROS[name].includes(given.length)) return;
    if (given[0].name === undefined || given[0].name === '__result__') throw new CelError(`${name}() names a variable first`, at);
  }

  private arguments(): readonly Shape[] {
    this.need('(');
    const given: Shape[] = [];
    if (this.skip(')')) return given;
    do given.push(this.expression()); while (this.skip(','));
    this.need(')');
    return given;
  }

  /** Values up to a closing mark; a comma may stand last. */
  private list(close: string): void {
    for (let first = true; !this.skip(close); first = false) {
      if (!first) {
        this.need(',');
        if (this.skip(close)) return;
      } else if (this.skip(',')) {
        return this.need(close);
      }
      this.expression();
    }
  }

  private entries(key: () => void): void {
    this.need('{');
    for (let first = true; !this.skip('}'); first = false) {
      if (!first) {
        this.need(',');
        if (this.skip('}')) return;
      } else if (this.skip(',')) {
        return this.need('}');
      }
      key();
      this.need(':');
      this.expression();
    }
  }
}
