import { createServer, type Server, type Socket } from 'net';
import { matchFilterChain, type Chain, type ListenerTable } from '../../../src/evaluator';
import type { Environment } from '../environment';
import type { HandlerRef, HttpHandler } from './handler';
import { inspect, type Inspection } from './inspect';
import { ServerConnection } from '../http1/server-connection';
import { TcpConnection } from '../tcp/tcp-connection';

/** Gives the handler of a chain under the configuration that is in force. */
export type HandlerOf = (chain: Chain) => HttpHandler | undefined;

/** What a listener reports beside requests. */
export type Report = (message: string) => void;

const MAX_INSPECTED = 64 * 1024;

/** One listener: its sockets stay open while its address stays, whatever else changes. */
export class RunningListener {
  public readonly name: string;
  private readonly servers: Server[] = [];
  private readonly refs = new Map<string, HandlerRef>();
  private readonly http = new Set<ServerConnection>();
  private readonly others = new Set<Socket>();
  private inspects: boolean;

  public constructor(private table: ListenerTable, private handlerOf: HandlerOf, private readonly env: Environment, private readonly report: Report) {
    this.name = table.name;
    this.inspects = inspects(table);
  }

  public get keys(): readonly string[] {
    return this.table.keys;
  }

  public get connections(): number {
    return this.http.size + this.others.size;
  }

  /** Opens the sockets. Rejects if one cannot be had; then none stays open. */
  public async open(): Promise<void> {
    try {
      for (const key of this.table.keys) this.servers.push(await this.listen(key));
    } catch (error) {
      this.stopAccepting();
      throw error;
    }
  }

  /** Takes a new configuration for the same addresses. Connections go on with it at their next request. */
  public update(table: ListenerTable, handlerOf: HandlerOf): void {
    this.table = table;
    this.handlerOf = handlerOf;
    this.inspects = inspects(table);
    const chains = new Map(allChains(table).map((chain, i) => [chainKey(chain, i), chain]));
    for (const [key, ref] of this.refs) {
      const chain = chains.get(key);
      const handler = chain === undefined ? undefined : handlerOf(chain);
      if (handler === undefined) {
        ref.draining = true;
        this.refs.delete(key);
      } else {
        ref.current = handler;
      }
    }
  }

  public stopAccepting(): void {
    for (const server of this.servers.splice(0)) server.close();
  }

  /** Lets go: no new connections; those that stay are asked to close with their next response. */
  public drain(): void {
    this.stopAccepting();
    for (const ref of this.refs.values()) ref.draining = true;
  }

  public closeIdle(): void {
    for (const connection of this.http) connection.closeWhenIdle();
  }

  public destroy(): void {
    this.stopAccepting();
    for (const connection of this.http) connection.destroy();
    for (const socket of this.others) socket.destroy();
  }

  public sweep(now: number): void {
    for (const connection of this.http) connection.sweep(now);
  }

  private async listen(key: string): Promise<Server> {
    const at = key.lastIndexOf(':');
    const host = key.slice(0, at);
    const port = Number(key.slice(at + 1));
    const server = createServer({ noDelay: true, keepAlive: true }, socket => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', error => this.report(`listener ${this.name}: ${error.message}`));
    return server;
  }

  private accept(socket: Socket): void {
    if (!this.inspects) return this.start(socket, { transport: 'raw_buffer' }, undefined);
    this.others.add(socket);
    let seen: Buffer | undefined;
    const onData = (chunk: Buffer): void => {
      seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
      const found = inspect(seen) ?? (seen.length > MAX_INSPECTED ? { transport: 'raw_buffer' as const } : undefined);
      if (found === undefined) return;
      stop();
      this.start(socket, found, seen);
    };
    const gone = (): void => {
      stop();
      socket.destroy();
    };
    const stop = (): void => {
      this.others.delete(socket);
      socket.off('data', onData).off('end', gone).off('error', gone).off('close', gone);
    };
    socket.on('data', onData).on('end', gone).on('error', gone).on('close', gone);
  }

  private start(socket: Socket, found: Inspection, first: Buffer | undefined): void {
    const { remoteAddress, localAddress, localPort } = socket;
    if (remoteAddress === undefined || localAddress === undefined) return void socket.destroy(); // already gone
    const chain = matchFilterChain(this.table, { address: localAddress, port: localPort ?? 0, sourceAddress: remoteAddress, ...found });
    if (chain === undefined) return this.refuse(socket, 'no filter chain takes this connection');
    if (chain.terminatesTls) return this.refuse(socket, `filter chain ${chain.name || '(unnamed)'} ends TLS, which is not supported yet`);
    const handler = this.handlerOf(chain);
    if (handler !== undefined) {
      const connection = new ServerConnection(socket, this.refOf(chain, handler), this.env, closed => this.http.delete(closed));
      this.http.add(connection);
      if (first !== undefined) connection.read(first);
    } else if (chain.terminal.kind === 'tcp') {
      this.others.add(socket);
      new TcpConnection(socket, chain.terminal, first, this.env, () => this.others.delete(socket));
    } else {
      this.refuse(socket, `filter chain ${chain.name || '(unnamed)'} has no filter that this proxy knows`);
    }
  }

  private refuse(socket: Socket, because: string): void {
    this.report(`listener ${this.name}: connection refused: ${because}`);
    socket.on('error', () => undefined);
    socket.destroy();
  }

  private refOf(chain: Chain, handler: HttpHandler): HandlerRef {
    const key = chainKey(chain, allChains(this.table).indexOf(chain));
    let ref = this.refs.get(key);
    if (ref === undefined) this.refs.set(key, ref = { current: handler, listenerName: this.name, draining: false });
    return ref;
  }
}

function allChains({ chains, fallback }: ListenerTable): readonly Chain[] {
  return fallback === undefined ? chains : [...chains, fallback];
}

/** A chain keeps its connections over an update while its name, or for want of one its place, stays. */
function chainKey(chain: Chain, index: number): string {
  return chain.name === '' ? `#${index}` : chain.name;
}

/** Whether the first bytes must be seen before a chain can be chosen: an inspector is there, or TLS would be met unprepared. */
function inspects(table: ListenerTable): boolean {
  const inspectors = table.message.listenerFilters.some(({ name }) => name.endsWith('tls_inspector') || name.endsWith('http_inspector'));
  return inspectors || allChains(table).some(({ terminatesTls }) => terminatesTls);
}
