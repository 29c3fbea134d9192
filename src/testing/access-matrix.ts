import { guarded } from '../private/arguments';

/** What is asked of each pair of a caller and a service. */
export interface AccessMatrixOptions {
  /**
   * Method of the request that each caller sends.
   * @default GET
   */
  readonly method?: string;
  /**
   * Path of the request that each caller sends.
   * @default /
   */
  readonly path?: string;
  /**
   * Headers of the request that each caller sends.
   * @default - none
   */
  readonly headers?: { [name: string]: string };
  /**
   * Claims of the token that each caller sends.
   * @default - no token
   */
  readonly claims?: { [name: string]: any };
}

/** Whether one workload reaches one port of a service. */
export interface AccessEntry {
  /** The caller: `productpage-v1.default`. */
  readonly from: string;
  /** The service: `reviews.default.svc.cluster.local`. */
  readonly to: string;
  /** Port of the service. */
  readonly port: number;
  /** Whether the request reaches the service; where weights split it, whether any share does. */
  readonly allowed: boolean;
  /** `routed`, `denied`, `failed`, `answered` or `redirected`. */
  readonly outcome: string;
  /** Why it does not reach the service, with Envoy's details where it has some; '' where it does. */
  readonly because: string;
}

/** Who reaches whom: every workload as a caller of every port of every service. */
export class AccessMatrix {
  /** @internal */
  public static _of(entries: AccessEntry[]): AccessMatrix { return new AccessMatrix(entries); }

  private readonly all: AccessEntry[];

  private constructor(entries: AccessEntry[]) {
    this.all = entries;
  }

  /** All pairs, by caller, service and port. */
  public get entries(): AccessEntry[] { return [...this.all]; }

  /** Those that are refused by a policy or a missing token. */
  public denied(): AccessEntry[] { return this.all.filter(({ outcome }) => outcome === 'denied'); }

  /** Whether a caller reaches a service, at every port. Names may be short: `front-v1`, `reviews`, as long as they mean one thing. */
  public allows(from: string, to: string): boolean {
    const found = this.all.filter(entry => named(entry.from, from) && named(entry.to, to));
    return found.length > 0 && found.every(({ allowed }) => allowed);
  }

  /** A table for people: one line for each caller and service, `✓` where it may call, else why not. */
  public toString(): string {
    const rows = this.all.map(({ from, to, port, allowed, outcome, because }) => [from, `${to}:${port}`, allowed ? '✓' : '✗', allowed ? '' : `${outcome}: ${because}`]);
    const widths = [0, 1].map(column => Math.max(0, ...rows.map(row => row[column].length)));
    return rows.map(([from, to, mark, why]) => `${from.padEnd(widths[0])}  ${to.padEnd(widths[1])}  ${mark} ${why}`.trimEnd()).join('\n');
  }
}

guarded('AccessMatrix', AccessMatrix);

function named(full: string, name: string): boolean {
  return full === name || full.startsWith(`${name}.`);
}
