/**
 * Addresses for what has none yet, by hash of its name. Adding or removing one moves no other, except where two names meet
 * on one slot: then the one that sorts first keeps it and the other takes the next free slot.
 */

/** A block of IPv4 addresses. */
export interface AddressBlock {
  /** First address of the block. */
  readonly base: readonly [number, number, number, number];
  /** Addresses in the block. */
  readonly size: number;
}

/** Kubernetes' usual ranges, so that assigned addresses look like a cluster's. */
export const POD_BLOCK: AddressBlock = { base: [10, 244, 0, 0], size: 4 * 65536 };
export const SERVICE_BLOCK: AddressBlock = { base: [10, 96, 0, 0], size: 16 * 65536 };
/** Istio's range for ServiceEntries without addresses (istio-behaviour A5). */
export const AUTO_BLOCK: AddressBlock = { base: [240, 240, 0, 0], size: 65536 };

/** An address for each key; `taken` addresses are never handed out. */
export function assignAddresses(keys: Iterable<string>, block: AddressBlock, taken: ReadonlySet<string>): ReadonlyMap<string, string> {
  const assigned = new Map<string, string>();
  const used = new Set(taken);
  for (const key of [...new Set(keys)].sort()) {
    const slot = slotOf(key, block.size, index => isHost(index) && !used.has(addressAt(block, index)));
    if (slot === undefined) continue;
    const address = addressAt(block, slot);
    used.add(address);
    assigned.set(key, address);
  }
  return assigned;
}

/** The first free slot of `size`, counted from the key's hash around; undefined where none is free. */
export function slotOf(key: string, size: number, isFree: (slot: number) => boolean): number | undefined {
  const start = hashOf(key) % size;
  for (let step = 0; step < size; step++) {
    const slot = (start + step) % size;
    if (isFree(slot)) return slot;
  }
  return undefined;
}

/** A hash of a text, the same on every machine: 0 to 2^32 - 6. Not for secrets. */
export function hashOf(text: string): number {
  // Products stay below 2^53, so plain numbers are exact.
  const prime = 4294967291;
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) hash = (hash * 1000003 + text.charCodeAt(index)) % prime;
  return (hash * 69621 + 12345) % prime;
}

/** Network and broadcast addresses of a /24 are no hosts. */
function isHost(index: number): boolean {
  return index % 256 !== 0 && index % 256 !== 255;
}

function addressAt(block: AddressBlock, index: number): string {
  const [a, b, c, d] = block.base;
  let value = ((a * 256 + b) * 256 + c) * 256 + d + index;
  const bytes: number[] = [];
  for (let position = 0; position < 4; position++) {
    bytes.unshift(value % 256);
    value = Math.floor(value / 256);
  }
  return bytes.join('.');
}
