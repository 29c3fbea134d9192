import type { Socket } from 'net';
import { ManualClock } from './manual-clock';
import { resources, type Sketch } from './resources';
import { freePort, RawClient, RawServer } from './sockets';
import { createDataPlane, type DataPlane, type DataPlaneOptions, type RequestReport } from '../../../runtime/proxy';

/** A data plane under test with its upstreams and clients; everything it opened is closed by `close`. */
export class ProxyUnderTest {
  public readonly reports: RequestReport[] = [];
  public readonly lines: string[] = [];
  public readonly clock = new ManualClock();
  public readonly dataPlane: DataPlane;
  public port = 0;
  private readonly opened: { close(): unknown }[] = [];
  private readonly watchers = new Set<() => void>();

  public constructor(options: DataPlaneOptions & { readonly realTime?: boolean } = {}) {
    const { realTime, ...rest } = options;
    this.dataPlane = createDataPlane({
      ...!realTime && { clock: this.clock },
      random: () => 0,
      accessLog: line => this.lines.push(line),
      onRequest: report => {
        this.reports.push(report);
        for (const watcher of [...this.watchers]) watcher();
      },
      ...rest,
    });
  }

  public async upstream(serve: (socket: Socket, index: number) => void): Promise<RawServer> {
    const server = await RawServer.start(serve);
    this.opened.push(server);
    return server;
  }

  /** Applies what `make` returns for a free port, and remembers the port. */
  public async serve(make: (port: number) => Sketch): Promise<void> {
    this.port = await freePort();
    await this.apply(make(this.port));
  }

  public async apply(sketch: Sketch): Promise<void> {
    expect(await this.dataPlane.apply(resources(sketch))).toEqual({ failed: [] });
  }

  public async client(): Promise<RawClient> {
    const client = await RawClient.open(this.port);
    this.opened.push(client);
    return client;
  }

  /** The report of the `count`th request, once it is there. */
  public async report(count = 1): Promise<RequestReport> {
    while (this.reports.length < count) {
      await new Promise<void>(resolve => {
        const watcher = (): void => {
          this.watchers.delete(watcher);
          resolve();
        };
        this.watchers.add(watcher);
      });
    }
    return this.reports[count - 1];
  }

  public async close(): Promise<void> {
    await this.dataPlane.close();
    for (const each of this.opened.reverse()) await each.close();
  }
}

/** `GET PATH` with a host and these extra header lines. */
export function get(path = '/', headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nhost: a.test\r\n${headers}\r\n`;
}
