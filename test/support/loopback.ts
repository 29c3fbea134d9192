import { createServer } from 'node:net';
import type { Server } from 'node:net';

/** Address blocks 127.N.0.0/16 that no other test of this machine uses at the time. */
export interface LoopbackBlocks {
  /** N of the block at a place, 0 to 7. */
  readonly block: (index: number) => number;
  readonly release: () => Promise<void>;
}

const GROUP = 8;
/** From 127.32 on, below which `up` hands out its blocks first. */
const FIRST = 32;
const GROUPS = 24;
/** Last address of a group's first block, on a port of no meaning: whoever listens there holds the group. */
const LOCK_PORT = 20061;

/** Takes a group of blocks that is free; tests run side by side, in several processes. */
export async function reserveLoopback(): Promise<LoopbackBlocks> {
  for (let attempt = 0; attempt < GROUPS; attempt++) {
    const first = FIRST + ((process.pid + attempt) % GROUPS) * GROUP;
    const lock = await listen(`127.${first}.255.254`, LOCK_PORT);
    if (!lock) continue;
    return {
      block: index => {
        if (index >= GROUP) throw new Error(`a test has ${GROUP} address blocks, got place ${index}`);
        return first + index;
      },
      release: async () => new Promise(resolve => { lock.close(() => resolve()); }),
    };
  }
  throw new Error('all loopback blocks of tests are taken');
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = await listen('127.0.0.1', 0);
  const { port } = server!.address() as { port: number };
  await new Promise(resolve => { server!.close(resolve); });
  return port;
}

async function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => resolve(server));
  });
}
