import type { Session } from './ads/session';
import { TYPES } from './xds-types';
import type { XdsType } from './xds-types';

/** How far a client is with one type, in the words of `istioctl proxy-status`. */
export type SyncState = 'SYNCED' | 'STALE' | 'NOT SENT' | 'ERROR' | 'IGNORED';

export interface TypeStatus {
  readonly type: XdsType;
  readonly state: SyncState;
  /** Version of the last response; absent before one. */
  readonly sent?: string;
  /** Version the client last accepted. */
  readonly acked?: string;
  /** The client's words on what it rejected. */
  readonly error?: string;
  /** The version it rejected. */
  readonly rejected?: string;
}

export interface ProxyStatus {
  /** Node id. */
  readonly id: string;
  /** Distinguishes streams of one node, such as the one before and the one after a reconnect. */
  readonly connection: number;
  readonly types: readonly TypeStatus[];
  /** Whether the client has all of the current model, accepted. */
  readonly synced: boolean;
}

export function typeStatusesOf(session: Session): TypeStatus[] {
  return TYPES.map((type): TypeStatus => {
    const { watching, inFlight, sentVersion, ackedVersion, rejection } = session.of(type);
    const state = !watching ? 'IGNORED' : rejection ? 'ERROR' : sentVersion === undefined ? 'NOT SENT' : inFlight ? 'STALE' : 'SYNCED';
    return {
      type,
      state,
      ...(sentVersion !== undefined && { sent: sentVersion }),
      ...(ackedVersion !== undefined && { acked: ackedVersion }),
      ...(rejection && { error: rejection.message, rejected: rejection.version }),
    };
  });
}
