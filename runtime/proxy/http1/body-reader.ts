import { CR, HEX_DIGIT, LF, SEMICOLON, SPACE, TAB, VALUE_CHAR } from './characters';
import { BAD, HeadScanner } from './head-scanner';

/** How the end of a body is known. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Who takes the payload of a body: `bytes[start, end)`, valid during the call and afterwards. */
export interface BodySink {
  onBody(bytes: Buffer, start: number, end: number): void;
}

const enum State { Size, Spaces, Extension, SizeLf, Data, DataCr, DataLf, Trailers }

/** Digits of a chunk size; 13 hexadecimal digits are below 2^53. Leading zeros count, so that none can hide a length. */
const MAX_SIZE_DIGITS = 13;
const MAX_EXTENSION = 4096;
const MAX_TRAILERS = 60 * 1024;

/** Takes the payload of one body out of the bytes of a connection, strictly and incrementally. */
export class BodyReader {
  /** True once the whole body was read. */
  public done = true;
  public framing: Framing = 'none';
  private left = 0;
  private state: State = State.Size;
  private digits = 0;
  private extension = 0;
  private trailers: HeadScanner | undefined;

  public start(framing: Framing, length: number): void {
    this.framing = framing;
    this.left = length;
    this.done = framing === 'none' || (framing === 'length' && length === 0);
    this.state = State.Size;
    this.digits = 0;
    this.extension = 0;
  }

  /** The trailers of a chunked body that is done, or undefined if there are none. */
  public get trailerSection(): HeadScanner | undefined {
    return this.framing === 'chunked' && this.trailers !== undefined && this.trailers.count > 0 ? this.trailers : undefined;
  }

  /** Reads from `chunk` at `from` on. Returns the index after what belongs to the body, or `BAD`. */
  public read(chunk: Buffer, from: number, sink: BodySink): number {
    switch (this.framing) {
      case 'length': {
        const end = Math.min(chunk.length, from + this.left);
        this.left -= end - from;
        this.done = this.left === 0;
        if (end > from) sink.onBody(chunk, from, end);
        return end;
      }
      case 'close':
        if (chunk.length > from) sink.onBody(chunk, from, chunk.length);
        return chunk.length;
      case 'chunked':
        return this.readChunked(chunk, from, sink);
      default:
        return from;
    }
  }

  /** RFC 9112 7.1. */
  private readChunked(chunk: Buffer, from: number, sink: BodySink): number {
    let i = from;
    const to = chunk.length;
    while (i < to && !this.done) {
      const byte = chunk[i];
      switch (this.state) {
        case State.Size: {
          const digit = HEX_DIGIT[byte];
          if (digit !== 255) {
            if (++this.digits > MAX_SIZE_DIGITS) return BAD;
            this.left = this.left * 16 + digit;
            i++;
            break;
          }
          if (this.digits === 0) return BAD;
          this.state = State.Spaces;
          break;
        }
        case State.Spaces: // "bad whitespace" before an extension or the line's end
          if (byte === SPACE || byte === TAB) {
            if (++this.extension > MAX_EXTENSION) return BAD;
            i++;
          } else if (byte === SEMICOLON) {
            this.state = State.Extension;
          } else if (byte === CR) {
            this.state = State.SizeLf;
            i++;
          } else {
            return BAD;
          }
          break;
        case State.Extension:
          if (byte === CR) this.state = State.SizeLf;
          else if (VALUE_CHAR[byte] === 0 || ++this.extension > MAX_EXTENSION) return BAD;
          i++;
          break;
        case State.SizeLf:
          if (byte !== LF) return BAD;
          i++;
          this.state = this.left === 0 ? State.Trailers : State.Data;
          if (this.left === 0) this.trailerScanner().reset();
          break;
        case State.Data: {
          const end = Math.min(to, i + this.left);
          this.left -= end - i;
          sink.onBody(chunk, i, end);
          i = end;
          if (this.left === 0) this.state = State.DataCr;
          break;
        }
        case State.DataCr:
          if (byte !== CR) return BAD;
          this.state = State.DataLf;
          i++;
          break;
        case State.DataLf:
          if (byte !== LF) return BAD;
          this.state = State.Size;
          this.digits = 0;
          this.extension = 0;
          i++;
          break;
        case State.Trailers: {
          const end = this.trailerScanner().read(chunk, i);
          if (end === BAD) return BAD;
          if (end < 0) return to;
          this.done = true;
          i = end;
          break;
        }
        default:
          return BAD;
      }
    }
    return i;
  }

  private trailerScanner(): HeadScanner {
    this.trailers ??= new HeadScanner('trailers', MAX_TRAILERS);
    return this.trailers;
  }
}
