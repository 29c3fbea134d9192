import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Listener_ConnectionBalanceConfigSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { View } from '../view';

/** Connections shared evenly between a proxy's threads, where its node asks for it. */
export function exactBalance(
  { proxy }: View, key: 'INBOUND_LISTENER_EXACT_BALANCE' | 'OUTBOUND_LISTENER_EXACT_BALANCE',
): MessageInitShape<typeof Listener_ConnectionBalanceConfigSchema> | undefined {
  return isTrue(proxy.metadata[key]) ? { balanceType: { case: 'exactBalance', value: {} } } : undefined;
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';
