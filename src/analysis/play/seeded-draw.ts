import type { Draw } from '../../evaluator';

const MODULUS = 2 ** 31 - 1;
const MULTIPLIER = 48271;

/** Numbers that look drawn by chance and are the same for the same seed, a whole number from 1. */
export function seededDraw(seed: number): Draw {
  let state = seed % MODULUS || 1;
  return (_purpose, bound) => {
    state = (state * MULTIPLIER) % MODULUS;
    return Math.floor(state / MODULUS * bound);
  };
}
