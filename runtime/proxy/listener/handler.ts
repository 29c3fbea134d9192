import type { HttpConfig, HttpRoutes } from './http-config';

/** A connection manager with the routes it uses now. Each configuration makes new ones; connections look theirs up again when it changes. */
export interface HttpHandler {
  readonly config: HttpConfig;
  /** Undefined: no routes have arrived, every request is 404. */
  readonly routes: HttpRoutes | undefined;
}

/** Where a connection finds its handler. The listener replaces `current` when a new configuration is applied. */
export interface HandlerRef {
  current: HttpHandler;
  readonly listenerName: string;
  /** The listener is leaving: each response asks the client to come back on a new connection. */
  draining: boolean;
}
