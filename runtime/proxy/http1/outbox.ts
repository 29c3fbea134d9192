import type { Socket } from 'net';

/** Payloads up to this size are joined with the head into one string, and so one write. */
const JOIN_BELOW = 16 * 1024;

/**
 * What goes out on one connection. Small pieces are gathered until `flush`, so that a head and a small body are one system call.
 * All text is Latin-1, one byte per character.
 */
export class Outbox {
  /** Bytes of payload handed over so far; heads and chunk framing are not counted. */
  private text = '';
  private corked = false;

  public constructor(private readonly socket: Socket) {}

  public string(text: string): void {
    this.text += text;
  }

  public bytes(bytes: Buffer, start: number, end: number): void {
    if (end - start <= JOIN_BELOW) {
      this.text += bytes.toString('latin1', start, end);
      return;
    }
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
    }
    this.release();
    this.socket.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  }

  /** One piece of a chunked body. */
  public chunk(bytes: Buffer, start: number, end: number): void {
    this.text += `${(end - start).toString(16)}\r\n`;
    this.bytes(bytes, start, end);
    this.text += '\r\n';
  }

  /** Hands everything to the socket. True while the socket wants more, false when the other side should wait for `drain`. */
  public flush(): boolean {
    this.release();
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
    return !this.socket.writableNeedDrain;
  }

  private release(): void {
    if (this.text === '') return;
    const text = this.text;
    this.text = '';
    this.socket.write(text, 'latin1');
  }
}
