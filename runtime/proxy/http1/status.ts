import { STATUS_CODES } from 'http';

const lines: string[] = [];

/** `HTTP/1.1 200 OK` CR LF, with the standard phrase: what the upstream wrote there is not passed on, as with Envoy. */
export function statusLine(status: number): string {
  return lines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
}
