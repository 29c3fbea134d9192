import type { Framing } from './body-reader';
import type { HeadScanner } from './head-scanner';

const DIGITS = /^[0-9]{1,15}$/;

/** One response head, understood. Reads from its scanner, so it lives as long as the scanner's text. */
export class ResponseHead {
  public status = 0;
  public framing: Framing = 'none';
  public contentLength = 0;
  /** The connection can carry another request when this response ends. */
  public keepAlive = true;
  /** Seconds for which the server says it keeps an idle connection; 0: it did not say. */
  public keepAliveSeconds = 0;
  public hasDate = false;
  public upgrade = '';

  private readonly dropped: Uint8Array;

  public constructor(private readonly scanner: HeadScanner) {
    this.dropped = new Uint8Array(scanner.at.length / 4);
  }

  /** Understands what the scanner holds, as the answer to a request of `method`. False: the message is not HTTP as it must be. */
  public analyse(method: string, overwriteServer: boolean): boolean {
    const { scanner, dropped } = this;
    const { text, at, count } = scanner;
    this.status = scanner.status;
    if (this.status < 100 || this.status > 599) return false;
    this.keepAlive = scanner.minor === 1;
    this.keepAliveSeconds = 0;
    this.hasDate = false;
    this.upgrade = '';
    this.contentLength = 0;
    dropped.fill(0, 0, count);
    let lengths = 0;
    let encodings = 0;
    for (let field = 0; field < count; field++) {
      const start = at[4 * field];
      switch (at[4 * field + 1] - start) {
        case 4:
          if (text.startsWith('date', start)) this.hasDate = true;
          break;
        case 6:
          if (overwriteServer && text.startsWith('server', start)) dropped[field] = 1;
          break;
        case 7:
          if (text.startsWith('upgrade', start)) {
            dropped[field] = 1;
            this.upgrade = scanner.value(field);
          }
          break;
        case 10:
          if (text.startsWith('connection', start)) {
            dropped[field] = 1;
            this.readConnection(scanner.value(field));
          } else if (text.startsWith('keep-alive', start)) {
            dropped[field] = 1;
            this.keepAliveSeconds = Number(/(?:^|[\s,])timeout=([0-9]{1,6})/i.exec(scanner.value(field))?.[1] ?? 0);
          }
          break;
        case 14:
          if (text.startsWith('content-length', start)) {
            const value = scanner.value(field);
            if (++lengths > 1 || !DIGITS.test(value)) return false;
            this.contentLength = Number(value);
            if (this.status === 204 || this.status < 200) dropped[field] = 1;
          }
          break;
        case 16:
          if (text.startsWith('proxy-connection', start)) dropped[field] = 1;
          break;
        case 17:
          if (text.startsWith('transfer-encoding', start)) {
            if (++encodings > 1 || scanner.value(field).toLowerCase() !== 'chunked') return false;
            dropped[field] = 1;
          }
          break;
        case 29:
          // The time that the caller waited takes the place of what the upstream's own proxy measured.
          if (text.startsWith('x-envoy-upstream-service-time', start)) dropped[field] = 1;
          break;
        default:
          break;
      }
    }
    if (encodings > 0 && lengths > 0) return false;
    // RFC 9112 6.3: these have no body, whatever their fields say.
    if (method === 'HEAD' || this.status === 204 || this.status === 304 || this.status < 200) this.framing = 'none';
    else if (encodings > 0) this.framing = 'chunked';
    else if (lengths > 0) this.framing = 'length';
    else this.framing = 'close';
    if (this.framing === 'close') this.keepAlive = false;
    return true;
  }

  public get(name: string): string | undefined {
    return this.scanner.get(name);
  }

  /** The fields that are passed on, as lines that each end in CR LF. */
  public lines(): string {
    const { scanner, dropped } = this;
    const { text, at, count } = scanner;
    if (!scanner.canonical) return this.fields().map(([name, value]) => `${name}: ${value}\r\n`).join('');
    let out = '';
    let run = -1;
    for (let field = 0; field < count; field++) {
      if (dropped[field] === 0) {
        if (run < 0) run = at[4 * field];
      } else if (run >= 0) {
        out += text.substring(run, at[4 * field]);
        run = -1;
      }
    }
    return run < 0 ? out : out + text.substring(run, text.length - 2);
  }

  /** The fields that are passed on. */
  public fields(): [string, string][] {
    const out: [string, string][] = [];
    for (let field = 0; field < this.scanner.count; field++) {
      if (this.dropped[field] === 0) out.push([this.scanner.name(field), this.scanner.value(field)]);
    }
    return out;
  }

  private readConnection(value: string): void {
    for (const part of value.split(',')) {
      const option = part.trim().toLowerCase();
      if (option === 'close') this.keepAlive = false;
      else if (option === 'keep-alive' && this.scanner.minor === 0) this.keepAlive = true;
    }
  }
}
