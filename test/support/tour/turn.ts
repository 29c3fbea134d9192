import { createServer } from 'node:net';
import type { Server } from 'node:net';

/** Only for holding: no data ever goes there. */
const PORT = 20062;
const POLL_MS = 100;
const PATIENCE_MS = 300_000;

/**
 * Waits until no other test runs a Bookinfo here, and keeps others from it until the result is called. `up` gives the same workloads
 * the same addresses on every run, so that two of them would meet.
 */
export async function takeTurn(): Promise<() => Promise<void>> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const held = await hold();
    if (held !== undefined) return async () => new Promise(resolve => { held.close(() => resolve()); });
    if (Date.now() > end) throw new Error(`another test has held 127.0.0.1:${PORT} for ${PATIENCE_MS / 1000} s`);
    await new Promise(resolve => { setTimeout(resolve, POLL_MS); });
  }
}

async function hold(): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(PORT, '127.0.0.1', () => resolve(server));
  });
}
