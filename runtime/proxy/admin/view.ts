import type { DataPlane } from '../data-plane';
import type { Clock } from '../timers';
import type { NodeFacts, XdsClient } from '../xds-client/xds-client';

/** What the admin interface shows. */
export interface AdminView {
  readonly node: NodeFacts;
  readonly xds: { readonly host: string; readonly port: number };
  readonly client: XdsClient;
  readonly dataPlane: DataPlane;
  readonly clock: Clock;
}
