import { RE2JS } from 're2js';

/** A prepared full match. */
export type TextTest = (text: string) => boolean;

const META = /[\\^$.|?*+()[\]{}]/;

/**
 * RE2's FullMatch of a pattern. re2js costs 0.3 µs a match and far more to compile, so patterns that are only
 * literals and a leading or trailing `.*` become string operations. Throws on what RE2 refuses.
 */
export function fullMatch(pattern: string): TextTest {
  return plainMatch(pattern) ?? compiled(pattern);
}

function compiled(pattern: string): TextTest {
  const regex = compile(pattern);
  return text => regex.testExact(text);
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new Error(`regex ${JSON.stringify(pattern)} is not RE2: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The header and path values matched here never hold a newline, so `.` is any character. */
function plainMatch(pattern: string): TextTest | undefined {
  let rest = pattern.startsWith('^') ? pattern.slice(1) : pattern;
  if (rest.endsWith('$') && !rest.endsWith('\\$')) rest = rest.slice(0, -1);
  const open = rest.startsWith('.*');
  if (open) rest = rest.slice(2);
  if (open && rest === '') return () => true;
  const tail = /(?<!\\)\.[*+]$/.exec(rest)?.[0] ?? '';
  const literal = unescapeLiteral(rest.slice(0, rest.length - tail.length));
  if (literal === undefined) return undefined;
  const least = tail === '.+' ? literal.length + 1 : literal.length;
  if (open) {
    if (tail === '') return text => text.endsWith(literal);
    return tail === '.*' ? text => text.includes(literal) : undefined;
  }
  return tail === '' ? text => text === literal : text => text.length >= least && text.startsWith(literal);
}

/** The literal a pattern stands for, or undefined where it has a meaning of its own. Only escaped punctuation is literal. */
function unescapeLiteral(pattern: string): string | undefined {
  let literal = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (char === '\\') {
      const next = pattern[++i];
      if (next === undefined || /[A-Za-z0-9_\s]/.test(next) || next > '~') return undefined;
      literal += next;
    } else if (META.test(char)) {
      return undefined;
    } else {
      literal += char;
    }
  }
  return literal;
}

/** RE2::GlobalReplace with a rewrite string of `\0` to `\9` and `\\`. */
export function globalReplace(pattern: string, substitution: string): (text: string) => string {
  const regex = compile(pattern);
  const parts = parseSubstitution(substitution);
  // RE2 leaves the text alone when the rewrite names a group that the pattern lacks.
  if (parts.some(part => typeof part === 'number' && part > regex.groupCount())) return text => text;
  return text => {
    const matcher = regex.matcher(text);
    let out = '';
    let at = 0;
    let lastEnd = -1;
    while (at <= text.length && matcher.find(at)) {
      const start = matcher.start();
      const end = matcher.end();
      out += text.slice(at, start);
      at = start;
      // RE2 disallows an empty match right where the last one ended.
      if (start === lastEnd && end === start) {
        if (at >= text.length) return out;
        out += text[at++];
        continue;
      }
      for (const part of parts) out += typeof part === 'string' ? part : matcher.group(part) ?? '';
      at = lastEnd = end;
    }
    return out + text.slice(at);
  };
}

function parseSubstitution(substitution: string): (string | number)[] {
  const parts: (string | number)[] = [];
  for (let i = 0; i < substitution.length; i++) {
    const next = substitution[i + 1];
    if (substitution[i] === '\\' && next !== undefined && next >= '0' && next <= '9') {
      parts.push(Number(next));
      i++;
    } else if (substitution[i] === '\\' && next === '\\') {
      parts.push('\\');
      i++;
    } else {
      parts.push(substitution[i]!);
    }
  }
  return parts;
}
