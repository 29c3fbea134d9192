import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** An option that is a port; 0 takes a free one. */
export function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('must be a port, 0 to 65535.');
  return port;
}

/** An option that is an address of this machine. */
export function hostOf(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('must be an IP address.');
  return text;
}

/** Resolves when a program is asked to end. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
