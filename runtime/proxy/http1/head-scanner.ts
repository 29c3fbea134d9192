import { COLON, CR, LF, SPACE, TAB, TARGET_CHAR, TOKEN_LOWER, VALUE_CHAR } from './characters';

/** `read` returns the index after the head, or one of these. */
export const MORE = -1;
export const BAD = -2;

/** What a head begins with. Trailers begin with nothing. */
export type HeadKind = 'request' | 'response' | 'trailers';

/** Why a head is refused. */
export type HeadFault = 'syntax' | 'version' | 'too_large' | 'too_many';

const enum State {
  Start, StartLf, Method, Target, Version, LineLf, Status, Reason, FieldStart, Name, BeforeValue, Value, FieldLf, EndLf,
}

const VERSION = 'HTTP/1.';
const MAX_FIELDS = 100;

/**
 * Reads one message head strictly and incrementally: however the bytes are split, the result is the same.
 * Every byte is looked at once. Field names are lowered in place, so that the text of the head can be passed on in long pieces.
 * One scanner belongs to one connection and is used again for each message; what it holds is valid until `reset`.
 */
export class HeadScanner {
  /** The head as Latin-1, field names in lower case. */
  public text = '';
  /** Number of fields. */
  public count = 0;
  /** For each field: start and end of its name, start and end of its value, as offsets into `text`. */
  public readonly at = new Int32Array(4 * MAX_FIELDS);
  /** Every field is spelt `name: value` CR LF, so a run of fields can be copied as it stands. */
  public canonical = true;
  public fault: HeadFault = 'syntax';
  /** Request: bounds of method and target. Response: `methodStart` is unused, the target is the reason phrase. */
  public methodStart = 0;
  public methodEnd = 0;
  public targetStart = 0;
  public targetEnd = 0;
  /** Minor version of HTTP/1. */
  public minor = 1;
  /** Status of a response. */
  public status = 0;

  private state: State = State.Start;
  private step = 0;
  private carry: Buffer | undefined;
  private carried = 0;

  public constructor(private readonly kind: HeadKind, private readonly maxBytes: number, private readonly maxFields = MAX_FIELDS) {
    this.reset();
  }

  /** True between the first byte of a head and its end. */
  public get started(): boolean {
    return this.carried > 0;
  }

  public reset(): void {
    this.state = this.kind === 'trailers' ? State.FieldStart : this.kind === 'response' ? State.Version : State.Start;
    this.step = 0;
    this.count = 0;
    this.canonical = true;
    this.carried = 0;
    this.carry = undefined;
    this.status = 0;
    this.methodStart = 0;
    this.targetStart = 0;
    this.targetEnd = 0;
  }

  /** Takes bytes from `chunk` at `from` on. Returns the index after the head, `MORE`, or `BAD` with `fault` set. */
  public read(chunk: Buffer, from: number): number {
    if (this.carried === 0) {
      const limit = Math.min(chunk.length, from + this.maxBytes);
      const end = this.scan(chunk, from, from, limit);
      if (end >= 0) {
        this.text = chunk.toString('latin1', from, end);
        return end;
      }
      return end === BAD ? BAD : this.keep(chunk, from, limit);
    }
    const before = this.carried;
    const take = Math.min(chunk.length - from, this.maxBytes - before);
    const carry = this.room(before + take);
    chunk.copy(carry, before, from, from + take);
    this.carried = before + take;
    const end = this.scan(carry, 0, before, this.carried);
    if (end >= 0) {
      this.text = carry.toString('latin1', 0, end);
      return from + end - before;
    }
    if (end === BAD) return BAD;
    return this.carried >= this.maxBytes ? this.refuse('too_large') : MORE;
  }

  /** Name of field `index`. */
  public name(index: number): string {
    return this.text.substring(this.at[4 * index], this.at[4 * index + 1]);
  }

  /** Value of field `index`. */
  public value(index: number): string {
    return this.text.substring(this.at[4 * index + 2], this.at[4 * index + 3]);
  }

  /** Value of the field called `name` (lower case); several are joined by a comma, as Envoy matches them. */
  public get(name: string): string | undefined {
    const { at, text } = this;
    let found: string | undefined;
    for (let field = 0, end = 4 * this.count; field < end; field += 4) {
      if (at[field + 1] - at[field] === name.length && text.startsWith(name, at[field])) {
        const value = text.substring(at[field + 2], at[field + 3]);
        found = found === undefined ? value : `${found},${value}`;
      }
    }
    return found;
  }

  /** Keeps an unfinished head until its rest arrives. */
  private keep(chunk: Buffer, from: number, limit: number): number {
    if (limit - from >= this.maxBytes) return this.refuse('too_large');
    const carry = this.room(limit - from);
    chunk.copy(carry, 0, from, limit);
    this.carried = limit - from;
    return MORE;
  }

  private room(size: number): Buffer {
    if (this.carry === undefined || this.carry.length < size) {
      const larger = Buffer.allocUnsafe(Math.min(this.maxBytes, Math.max(1024, 2 * size)));
      this.carry?.copy(larger, 0, 0, this.carried);
      this.carry = larger;
    }
    return this.carry;
  }

  private refuse(fault: HeadFault): number {
    this.fault = fault;
    return BAD;
  }

  /** The state machine. `base` is where the head starts in `bytes`; offsets are kept relative to it. */
  private scan(bytes: Uint8Array, base: number, from: number, to: number): number {
    const at = this.at;
    let state = this.state;
    let i = from;
    while (i < to) {
      const byte = bytes[i];
      switch (state) {
        case State.Start: // RFC 9112 2.2: empty lines before a request line are passed over
          if (byte === CR) {
            state = State.StartLf;
            i++;
          } else {
            this.methodStart = i - base;
            state = State.Method;
          }
          break;
        case State.StartLf:
          if (byte !== LF) return this.refuse('syntax');
          state = State.Start;
          i++;
          break;
        case State.Method:
          if (byte === SPACE) {
            if (i - base === this.methodStart) return this.refuse('syntax');
            this.methodEnd = i - base;
            this.targetStart = i + 1 - base;
            state = State.Target;
          } else if (TOKEN_LOWER[byte] === 0) {
            return this.refuse('syntax');
          }
          i++;
          break;
        case State.Target:
          while (i < to && TARGET_CHAR[bytes[i]] === 1) i++;
          if (i === to) break;
          // A request line without a version is HTTP/0.9.
          if (bytes[i] === CR && i - base > this.targetStart) return this.refuse('version');
          if (bytes[i] !== SPACE || i - base === this.targetStart) return this.refuse('syntax');
          this.targetEnd = i - base;
          state = State.Version;
          i++;
          break;
        case State.Version:
          if (this.step < VERSION.length) {
            if (byte !== VERSION.charCodeAt(this.step)) return this.refuse(this.step === 5 && byte >= 0x30 && byte <= 0x39 ? 'version' : 'syntax');
          } else if (this.step === VERSION.length) {
            if (byte !== 0x31 && byte !== 0x30) return this.refuse(byte >= 0x30 && byte <= 0x39 ? 'version' : 'syntax');
            this.minor = byte - 0x30;
          } else if (this.kind === 'request') {
            if (byte !== CR) return this.refuse('syntax');
            state = State.LineLf;
          } else {
            if (byte !== SPACE) return this.refuse('syntax');
            state = State.Status;
            this.step = -1;
          }
          this.step++;
          i++;
          break;
        case State.Status:
          if (this.step < 3) {
            if (byte < 0x30 || byte > 0x39) return this.refuse('syntax');
            this.status = this.status * 10 + byte - 0x30;
            this.step++;
          } else if (byte === SPACE || byte === CR) {
            this.targetStart = i + 1 - base;
            this.targetEnd = this.targetStart;
            state = byte === CR ? State.LineLf : State.Reason;
          } else {
            return this.refuse('syntax');
          }
          i++;
          break;
        case State.Reason:
          while (i < to && VALUE_CHAR[bytes[i]] === 1) i++;
          if (i === to) break;
          if (bytes[i] !== CR) return this.refuse('syntax');
          this.targetEnd = i - base;
          state = State.LineLf;
          i++;
          break;
        case State.LineLf:
        case State.FieldLf:
          if (byte !== LF) return this.refuse('syntax');
          state = State.FieldStart;
          i++;
          break;
        case State.FieldStart:
          if (byte === CR) {
            state = State.EndLf;
            i++;
            break;
          }
          if (this.count === this.maxFields) return this.refuse('too_many');
          at[4 * this.count] = i - base;
          state = State.Name;
          break;
        case State.Name: {
          let lower = 0;
          while (i < to && (lower = TOKEN_LOWER[bytes[i]]) !== 0) bytes[i++] = lower;
          if (i === to) break;
          // A space before the colon or at the line's start (obs-fold) ends here too: neither is a token.
          if (bytes[i] !== COLON || i - base === at[4 * this.count]) return this.refuse('syntax');
          at[4 * this.count + 1] = i - base;
          state = State.BeforeValue;
          i++;
          break;
        }
        case State.BeforeValue:
          if (byte === SPACE || byte === TAB) {
            i++;
            break;
          }
          at[4 * this.count + 2] = i - base;
          if (i - base !== at[4 * this.count + 1] + 2 || bytes[i - 1] !== SPACE) this.canonical = false;
          state = State.Value;
          break;
        case State.Value: {
          while (i < to && VALUE_CHAR[bytes[i]] === 1) i++;
          if (i === to) break;
          if (bytes[i] !== CR) return this.refuse('syntax');
          const start = base + at[4 * this.count + 2];
          let end = i;
          while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
          if (end !== i) this.canonical = false;
          at[4 * this.count + 3] = end - base;
          this.count++;
          state = State.FieldLf;
          i++;
          break;
        }
        case State.EndLf:
          if (byte !== LF) return this.refuse('syntax');
          this.state = state;
          return i + 1;
        default:
          return this.refuse('syntax');
      }
    }
    this.state = state;
    return MORE;
  }
}
