import type { Outbox } from './outbox';

/** The client's side of an exchange. */
export interface Downstream {
  readonly outbox: Outbox;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remoteIp: string;
  readonly listenerName: string;
  /** The connection should end after this response. */
  readonly draining: boolean;
  /** The client stops or goes on sending. */
  pause(): void;
  resume(): void;
  /** The response is complete. `close`: no other request is taken. */
  finished(close: boolean): void;
  /** The exchange let go of everything: the next pipelined request may start. */
  next(): void;
  /** The response cannot be completed: the client must see it cut off. */
  abort(): void;
  /** From now on the connection is a tunnel. */
  becomeTunnel(): void;
  write(chunk: Buffer): boolean;
  end(): void;
}
