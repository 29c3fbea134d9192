/** A Kubernetes quantity in billionths, so that sums and comparisons are exact. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: 'decimal' | 'exponent' | 'binary';
}

const NANO = 1_000_000_000n;
const DECIMAL: Readonly<Record<string, number>> = { 'n': -9, 'u': -6, 'm': -3, '': 0, 'k': 3, 'M': 6, 'G': 9, 'T': 12, 'P': 15, 'E': 18 };
const DECIMAL_SUFFIX: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const FORM = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3})?$/;

/** The quantity that a text means, as `2000m`, `1.5Gi` or `1e3`; undefined where it is none. Anything finer than a billionth is rounded up. */
export function parseQuantity(text: string): Quantity | undefined {
  const form = FORM.exec(text);
  if (form === null) return undefined;
  const [, sign, digits, suffix = ''] = form;
  const [whole, fraction = ''] = digits.split('.');
  const binary = BINARY.indexOf(suffix);
  const exponential = /^[eE][+-]?\d/.test(suffix);
  const exponent = (binary > 0 ? 0 : exponential ? Number(suffix.slice(1)) : DECIMAL[suffix]) - fraction.length + 9;
  let nano = BigInt(whole + fraction) * (binary > 0 ? 1024n ** BigInt(binary) : 1n);
  if (exponent >= 0) {nano *= 10n ** BigInt(exponent);} else {
    const divisor = 10n ** BigInt(-exponent);
    nano = (nano + divisor - 1n) / divisor;
  }
  return { nano: sign === '-' ? -nano : nano, format: binary > 0 ? 'binary' : exponential ? 'exponent' : 'decimal' };
}

/** The one text that the API server gives back for a quantity: `2000m` is `2`, `1024Mi` is `1Gi`. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const sign = nano < 0n ? '-' : '';
  const size = nano < 0n ? -nano : nano;
  // Below 1024 a binary suffix would say nothing, and a fraction of a byte cannot carry one.
  if (format === 'binary' && size >= 1024n * NANO) {
    let amount = (size + NANO - 1n) / NANO;
    let power = 0;
    while (amount % 1024n === 0n && power < BINARY.length - 1) {
      amount /= 1024n;
      power++;
    }
    return `${sign}${amount}${BINARY[power]}`;
  }
  let amount = size;
  let exponent = -9;
  while (amount % 1000n === 0n && exponent < 18) {
    amount /= 1000n;
    exponent += 3;
  }
  const suffix = format === 'exponent' ? (exponent === 0 ? '' : `e${exponent}`) : DECIMAL_SUFFIX[exponent];
  return `${sign}${amount}${suffix}`;
}
