import { RE2JS } from 're2js';
import type { StringMatch } from '../../compiler/istio-api';

/** A text condition in a form that can be compared. An absent condition takes every text. */
export interface TextCondition {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly text: string;
  /** Text with which everything begins that the condition takes. */
  readonly start: string;
  /** Whether case is ignored; never for expressions. */
  readonly anyCase: boolean;
}

/** Reads a condition; undefined where it takes every text. An expression that is a plain text followed by `.*` is a prefix. */
export function conditionOf(match: StringMatch | null | undefined, anyCase = false): TextCondition | undefined {
  if (match === null || match === undefined) return undefined;
  if (match.exact !== undefined) return plain('exact', match.exact, anyCase);
  if (match.prefix !== undefined) return match.prefix === '' ? undefined : plain('prefix', match.prefix, anyCase);
  if (match.regex === undefined || match.regex === '') return undefined;
  const { text, length } = literalStart(match.regex);
  const rest = match.regex.slice(length);
  if (rest === '.*') return text === '' ? undefined : plain('prefix', text, false);
  return rest === '' ? plain('exact', text, false) : { kind: 'regex', text: match.regex, start: text, anyCase: false };
}

const plain = (kind: 'exact' | 'prefix', text: string, anyCase: boolean): TextCondition => ({ kind, text, start: text, anyCase });

/**
 * Whether every text that `narrow` takes is taken by `wide`. False also means "cannot tell": of an expression only its plain
 * beginning is known, and whether it takes one given text.
 */
export function covers(wide: TextCondition | undefined, narrow: TextCondition | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  // A narrow condition that ignores case takes spellings that the wide one does not.
  if (narrow.anyCase && !wide.anyCase && /[a-z]/i.test(wide.text)) return false;
  const fold = (text: string) => (wide.anyCase ? text.toLowerCase() : text);
  switch (wide.kind) {
    case 'exact': return narrow.kind === 'exact' && fold(narrow.text) === fold(wide.text);
    case 'prefix': return fold(narrow.start).startsWith(fold(wide.text));
    case 'regex': return narrow.kind === 'regex' ? narrow.text === wide.text : narrow.kind === 'exact' && takes(wide.text, narrow.text);
  }
}

const LITERAL = /^(?:[A-Za-z0-9/_\-~%=:,;@!#&'" <>]|\\[./\-+?()[\]{}^$|*\\])*/;

/** Plain text at the start of an expression that must match as a whole, and how much of the expression it is. */
export function literalStart(regex: string): { readonly text: string; readonly length: number } {
  // An alternative outside groups makes the beginning one of several; to take any alternative for such is always right.
  if (regex.includes('|')) return { text: '', length: 0 };
  const units = LITERAL.exec(regex)![0].match(/\\.|[^\\]/g) ?? [];
  const length = units.join('').length;
  // What is repeated or optional is not sure to be there.
  if (['?', '*', '{'].includes(regex[length])) units.pop();
  return { text: units.map(unit => unit[unit.length - 1]).join(''), length: units.join('').length };
}

function takes(regex: string, text: string): boolean {
  if (regex.length > 1024 || text.length > 8192) return false;
  try {
    return RE2JS.compile(regex).matches(text);
  } catch {
    return false; // another rule says that the expression is none
  }
}
