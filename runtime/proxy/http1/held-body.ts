import type { Outbox } from './outbox';

/** Beyond this a body is not kept, so its request is not tried again. Envoy's default buffer limit. */
const MAX_HELD = 1024 * 1024;
/** While nobody takes the body, the client is stopped once this much of it waits. */
const STOP_AT = MAX_HELD / 8;

/** Body bytes of one request, kept until there is a connection, for another attempt, or for mirrors. */
export class HeldBody {
  /** False once the body outgrew what is kept: what was sent cannot be sent again. */
  public whole = true;
  private pieces: Buffer[] = [];
  private size = 0;

  /** The client should wait. */
  public get full(): boolean {
    return this.size > STOP_AT;
  }

  /** Keeps bytes. `sent`: they also go out now, so they may be given up when they become too many. */
  public add(bytes: Buffer, start: number, end: number, sent: boolean): void {
    this.size += end - start;
    if (this.size > MAX_HELD && sent) {
      this.whole = false;
      this.pieces = [];
      return;
    }
    this.pieces.push(bytes.subarray(start, end));
  }

  /** Writes everything that is kept. */
  public sendTo(outbox: Outbox, chunked: boolean): void {
    for (const piece of this.pieces) {
      if (chunked) outbox.chunk(piece, 0, piece.length);
      else outbox.bytes(piece, 0, piece.length);
    }
  }

  /** It was sent and is not needed again. */
  public clear(): void {
    this.pieces = [];
  }

  public copy(): readonly Buffer[] {
    return [...this.pieces];
  }
}
