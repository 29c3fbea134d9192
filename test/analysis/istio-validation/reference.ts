import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the list of Istio's rules and analyzers lies, beside the project. */
export const REFERENCE = join(__dirname, '../../../../shared/docs/istio-validation.md');

/** One row of a table of the list. */
export interface ReferenceRow {
  /** `1.2 tls presence` of part 1, `gateway.SecretAnalyzer IST0101 IST0161` of part 2. */
  readonly name: string;
  /** `E`, `W`, `E/W`, `W (IST0130)`; of part 2 the letter behind each code. */
  readonly level: string;
}

const cellsOf = (line: string): string[] => line.trim().slice(1, -1).split('|').map(cell => cell.trim());

function tableLines(text: string): string[][] {
  return text.split('\n').filter(line => line.startsWith('|')).map(cellsOf);
}

/** Rows of part 1: rules that admission and `istioctl analyze` hold against each object alone. */
export function ruleRows(): ReferenceRow[] {
  const part = readFileSync(REFERENCE, 'utf8').split('### Rules per kind')[1].split('## Part 2')[0];
  const rows: ReferenceRow[] = [];
  let section = '';
  for (const [field, ...rest] of tableLines(part)) {
    const heading = /^\*\*(\d\.\d+) /.exec(field);
    if (heading !== null) section = heading[1];
    else if (section !== '') rows.push({ name: `${section} ${field}`, level: `${rest[rest.length - 1]}${rest[0].includes('(then W)') ? '/W' : ''}` });
  }
  return rows;
}

/** Rows of part 2: analyzers with their codes. */
export function analyzerRows(): ReferenceRow[] {
  const part = readFileSync(REFERENCE, 'utf8').split('## Part 2')[1].split('Codes raised elsewhere')[0];
  const rows: ReferenceRow[] = [];
  let analyzer = '';
  for (const [name, code] of tableLines(part)) {
    if (name !== '') analyzer = name.split(' ')[0];
    const told = [...code.matchAll(/IST(\d{4}) ([EWI])\b/g)];
    for (const [, number, level] of told) rows.push({ name: `${analyzer} IST${number}`, level });
  }
  return rows;
}

/** Codes that only precheck and upgrade raise. */
export function codesElsewhere(): string[] {
  const part = readFileSync(REFERENCE, 'utf8').split('Codes raised elsewhere')[1];
  return [...part.matchAll(/IST\d{4}/g)].map(([code]) => code);
}
