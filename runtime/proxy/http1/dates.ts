import type { Clock } from '../timers';

/** `date` header lines, made once a second. */
export class DateLine {
  private second = -1;
  private line = '';

  public constructor(private readonly clock: Clock) {}

  public get(): string {
    const second = Math.floor(this.clock.wall() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.line = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
    }
    return this.line;
  }
}
