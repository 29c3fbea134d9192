import { RE2JS } from 're2js';
import { quote } from '../trace';

/** Characters of one path segment, as Envoy's template matcher has them. */
const SEGMENT = "[a-zA-Z0-9-._~%!$&'()+,;:@=]+";
const REST = "[a-zA-Z0-9-._~%!$&'()+,;:@=/]*";

/** A path test of Envoy's `uri_template`: `*` one segment, `**` the rest, `{name}` and `{name=pattern}` capture. */
export function templateMatch(template: string): (path: string) => boolean {
  const regex = RE2JS.compile(`^${expression(template)}$`);
  return path => regex.testExact(path);
}

function expression(template: string): string {
  let out = '';
  for (let i = 0; i < template.length;) {
    if (template.startsWith('**', i)) {
      out += REST;
      i += 2;
    } else if (template[i] === '*') {
      out += SEGMENT;
      i++;
    } else if (template[i] === '{') {
      const end = template.indexOf('}', i);
      if (end < 0) throw new Error(`uri template ${quote(template)} does not close its braces`);
      const equal = template.indexOf('=', i);
      out += equal < 0 || equal > end ? SEGMENT : expression(template.slice(equal + 1, end));
      i = end + 1;
    } else {
      out += RE2JS.quote(template[i]!);
      i++;
    }
  }
  return out;
}
