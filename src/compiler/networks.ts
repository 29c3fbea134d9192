import type { View } from './view';
import { textOf } from '../model/json';

/** Whether a proxy reaches a network directly: its own, or where either has none. */
export function inNetwork({ proxy }: View, network: string | undefined): boolean {
  const own = textOf(proxy.metadata.NETWORK) ?? '';
  return own === '' || network === undefined || network === '' || own === network;
}
