/** The outside world of a command, so that tests need no process. */
export interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** All of standard input; that of the process where absent. */
  readonly stdin?: () => string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether stdout takes colours. */
  readonly color: boolean;
  /** Raised by Ctrl-C. */
  readonly signal: AbortSignal;
}
