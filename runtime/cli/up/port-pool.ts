import { portTaker } from './placement';

/** Free ports of 127.0.0.1 kept in store, since a changed input has to be placed without waiting. */
export class PortPool {
  private readonly ports: number[] = [];
  private readonly take = portTaker();
  private filling?: Promise<void>;

  public constructor(private readonly size: number) {}

  public fill(): Promise<void> {
    this.filling ??= this.more().finally(() => { this.filling = undefined; });
    return this.filling;
  }

  public next(): number {
    const port = this.ports.shift();
    void this.fill();
    if (port === undefined) throw new Error(`more than ${this.size} ports are needed at once; save the change again`);
    return port;
  }

  private async more(): Promise<void> {
    while (this.ports.length < this.size) this.ports.push(await this.take());
  }
}
