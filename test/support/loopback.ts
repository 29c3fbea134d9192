import { createServer } from 'node:net';
import type { Server } from 'node:net';

/** Address blocks 127.N.0.0/16 that no other test of this machine uses at the time. */
export interface LoopbackBlocks {
  /** N of the block at a place, from 0. */
  readonly block: (index: number) => number;
  readonly release: () => Promise<void>;
}

const GROUP = 8;
/** From 127.32 on, below which `up` hands out its blocks first. */
const FIRST = 32;
const GROUPS = 24;
/** Last address of a group's first block, on a port of no meaning: whoever listens there holds the group. */
const LOCK_PORT = 20061;

/** Takes so many blocks that are free, in groups beside each other; tests run side by side, in several processes. */
export async function reserveLoopback(blocks = GROUP): Promise<LoopbackBlocks> {
  const needed = Math.ceil(blocks / GROUP);
  for (let attempt = 0; attempt < GROUPS; attempt++) {
    const group = (process.pid + attempt) % GROUPS;
    const first = FIRST + group * GROUP;
    const locks = group + needed > GROUPS ? undefined : await lockAll(first, needed);
    if (locks === undefined) continue;
    return {
      block: index => {
        if (index >= needed * GROUP) throw new Error(`the test asked for ${blocks} address blocks, got place ${index}`);
        return first + index;
      },
      release: async () => { await Promise.all(locks.map(closed)); },
    };
  }
  throw new Error('all loopback blocks of tests are taken');
}

async function lockAll(first: number, groups: number): Promise<Server[] | undefined> {
  const locks: Server[] = [];
  for (let group = 0; group < groups; group++) {
    const lock = await listen(`127.${first + group * GROUP}.255.254`, LOCK_PORT);
    if (lock === undefined) {
      await Promise.all(locks.map(closed));
      return undefined;
    }
    locks.push(lock);
  }
  return locks;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>(resolve => { server.close(() => resolve()); });
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
