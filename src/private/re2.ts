/** RE2's semantics, which Envoy uses, not JavaScript's. Loaded on first use: most apps have no regular expression. */
function re2(): typeof import('re2js') {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('re2js');
}

/** Why Istio would refuse this regular expression, or undefined. */
export function regexFault(pattern: string): string | undefined {
  if (pattern === '') return 'it is empty';
  if (pattern.length > 1024) return `it has ${pattern.length} characters, Istio takes 1024`;
  try {
    re2().RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether the whole text matches, as Envoy's safe_regex does. */
export function fullMatch(pattern: string, text: string): boolean {
  const known = compiled.get(pattern) ?? re2().RE2JS.compile(pattern);
  compiled.set(pattern, known);
  return known.matches(text);
}

const compiled = new Map<string, import('re2js').RE2JS>();
