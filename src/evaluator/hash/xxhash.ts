/* eslint-disable no-bitwise -- a hash is made of bits */
const MASK = 0xffffffffffffffffn;
const PRIME1 = 0x9e3779b185ebca87n;
const PRIME2 = 0xc2b2ae3d27d4eb4fn;
const PRIME3 = 0x165667b19e3779f9n;
const PRIME4 = 0x85ebca77c2b2ae63n;
const PRIME5 = 0x27d4eb2f165667c5n;

/** XXH64 of a text's bytes, the hash that Envoy balances by. */
export function xxHash64(text: string, seed = 0n): bigint {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash = (seed + PRIME5) & MASK;
  if (length >= 32) {
    const lanes = [seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1].map(lane => lane & MASK);
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, view.getBigUint64(at + 8 * i, true));
    }
    hash = [1n, 7n, 12n, 18n].reduce((sum, bits, i) => (sum + rotated(lanes[i]!, bits)) & MASK, 0n);
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * PRIME1 + PRIME4) & MASK;
  }
  hash = (hash + BigInt(length)) & MASK;
  for (; at + 8 <= length; at += 8) hash = (rotated(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME1 + PRIME4) & MASK;
  if (at + 4 <= length) {
    hash = (rotated(hash ^ (BigInt(view.getUint32(at, true)) * PRIME1 & MASK), 23n) * PRIME2 + PRIME3) & MASK;
    at += 4;
  }
  for (; at < length; at++) hash = rotated(hash ^ (BigInt(bytes[at]!) * PRIME5 & MASK), 11n) * PRIME1 & MASK;
  hash = (hash ^ (hash >> 33n)) * PRIME2 & MASK;
  hash = (hash ^ (hash >> 29n)) * PRIME3 & MASK;
  return hash ^ (hash >> 32n);
}

function round(lane: bigint, input: bigint): bigint {
  return rotated((lane + input * PRIME2) & MASK, 31n) * PRIME1 & MASK;
}

/** Two hashes as one, as Envoy joins those of several policies: the first is turned by a bit. */
export function joinedHash(first: bigint, second: bigint): bigint {
  return rotated(first, 1n) ^ second;
}

/** Left rotation of 64 bits. */
function rotated(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}
