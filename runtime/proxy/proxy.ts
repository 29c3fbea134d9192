import { createAdmin, type Admin } from './admin/server';
import { createDataPlane, type DataPlane, type DataPlaneOptions } from './data-plane';
import { SYSTEM_CLOCK } from './timers';
import { XdsClient, type NodeFacts } from './xds-client/xds-client';

export interface ProxyOptions extends DataPlaneOptions {
  readonly node: NodeFacts;
  readonly xds: { readonly host: string; readonly port: number };
  /** Where the admin interface listens; port 0 takes a free one. Without it there is none. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Asked to end through the admin interface. */
  readonly onQuit?: () => void;
}

/** A proxy that runs. */
export interface RunningProxy {
  /** Resolves once everything the control plane sent first is in force. */
  readonly ready: Promise<void>;
  /** Address of the admin interface, `host:port`; undefined without one. */
  readonly admin: string | undefined;
  readonly dataPlane: DataPlane;
  close(): Promise<void>;
}

/** Starts a proxy: it asks the control plane what to do, does it, and goes on doing it when the control plane is away. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { node, xds, log = () => undefined, clock = SYSTEM_CLOCK, random = Math.random } = options;
  const dataPlane = createDataPlane(options);
  const client = new XdsClient({ node, ...xds, clock, random, log, apply: resources => dataPlane.apply(resources) });
  let closing: Promise<void> | undefined;
  let admin: Admin | undefined;
  const close = (): Promise<void> => closing ??= (async () => {
    await client.close();
    await admin?.close();
    await dataPlane.close();
  })();
  if (options.admin !== undefined) {
    const quit = options.onQuit ?? (() => void close());
    try {
      admin = await createAdmin({ ...options.admin, node, xds, client, dataPlane, clock, quit });
    } catch (error) {
      await close();
      throw error;
    }
  }
  client.start();
  return { ready: client.ready, admin: admin?.address, dataPlane, close };
}
