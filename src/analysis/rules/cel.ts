/** Words that open or combine; what stands between must alternate between values and operators. */
const TOKEN = /\s*(?:(?<number>0x[0-9a-fA-F]+u?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?u?)|(?<text>[rRbB]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|(?<operator>&&|\|\||==|!=|<=|>=|in\b|[<>+\-*/%?:!])|(?<name>[A-Za-z_]\w*)|(?<open>[([{])|(?<close>[)\]}])|(?<dot>\.)|(?<comma>,))/y;

const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * Why a text is no expression of CEL; undefined where none is seen. Brackets, quotes and the alternation of values and operators
 * are checked; names and types are not.
 */
export function celFault(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty';
  if (text.length > 65536) return 'it is longer than 65536 characters';
  const open: string[] = [];
  let value = false;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length && text.slice(TOKEN.lastIndex).trim() !== '') {
    const position = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.groups;
    if (token === undefined) return `nothing of CEL begins at character ${position + 1}`;
    const fault = step(token, open, value);
    if (typeof fault === 'string') return `${fault} at character ${position + 1}`;
    value = fault;
  }
  if (open.length > 0) return `${CLOSES[open[open.length - 1]]} is missing at the end`;
  return value ? undefined : 'a value is missing at the end';
}

/** Whether a value has just ended; or what is wrong. */
function step(token: Readonly<Record<string, string | undefined>>, open: string[], value: boolean): boolean | string {
  if (token.number !== undefined || token.text !== undefined || token.name !== undefined) return value ? 'an operator is missing' : true;
  if (token.open !== undefined) {
    if (value ? false : token.open === ')') return 'a value is missing';
    open.push(token.open);
    return false;
  }
  if (token.close !== undefined) {
    const last = open.pop();
    if (last === undefined || CLOSES[last] !== token.close) return `${token.close} has no beginning`;
    return true;
  }
  if (token.comma !== undefined) return value && open.length > 0 ? false : 'a comma stands alone';
  if (token.dot !== undefined) return value ? false : 'a dot stands alone';
  return !value && token.operator !== '!' && token.operator !== '-' ? 'a value is missing' : false;
}
