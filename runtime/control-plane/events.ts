import type { XdsType } from './xds-types';
import type { MeshError } from '../../src/model/error';

/** What happens in a control plane, for logs, `up` and tests. */
export type ControlPlaneEvent =
  /** A new model is being served. */
  | { readonly kind: 'model'; readonly generation: number }
  /** Input or configuration could not be used; what was served before stays. */
  | { readonly kind: 'errors'; readonly errors: readonly MeshError[]; readonly node?: string }
  | { readonly kind: 'connected'; readonly node: string; readonly peer: string }
  | { readonly kind: 'disconnected'; readonly node: string }
  | { readonly kind: 'sent'; readonly node: string; readonly type: XdsType; readonly version: string; readonly resources: readonly string[] }
  | { readonly kind: 'acked'; readonly node: string; readonly type: XdsType; readonly version: string }
  | { readonly kind: 'rejected'; readonly node: string; readonly type: XdsType; readonly version: string; readonly message: string }
  /** The proxy has accepted all of the current model. */
  | { readonly kind: 'synced'; readonly node: string; readonly generation: number };

export type EventListener = (event: ControlPlaneEvent) => void;

/** One line for a log; nothing for the events of normal operation that would fill it. */
export function describe(event: ControlPlaneEvent): string | undefined {
  switch (event.kind) {
    case 'errors': return event.errors.map(error => error.message).join('\n');
    case 'connected': return `${event.node} connected from ${event.peer}`;
    case 'disconnected': return `${event.node} disconnected`;
    case 'rejected': return `${event.node} rejected ${event.type} ${event.version}: ${event.message}`;
    default: return undefined;
  }
}
