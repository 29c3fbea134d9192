import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { marked } from './leftovers';
import { endGroup, trackGroup } from './process-group';
import { MeshError } from '../../../src/model/error';

/** A program of the user's that stands for a workload. */
export interface CommandOptions {
  readonly name: string;
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it has to listen on 127.0.0.1. */
  readonly port: number | undefined;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly onExit: (code: number | null, signal: NodeJS.Signals | null) => void;
}

const LISTEN_TIMEOUT_MS = 15_000;
/** Lines quoted of a command that ended: causes come first in some programs, last in others. */
const QUOTED = { first: 8, last: 8 };

/** A child process with everything it starts, ended as one. */
export class RunningCommand {
  private readonly child: ChildProcess;
  private readonly first: string[] = [];
  private readonly last: string[] = [];
  private left = 0;
  private ended = false;
  private readonly exit: Promise<void>;
  private stopping = false;

  public constructor(private readonly options: CommandOptions) {
    // A process group of its own: what the command starts ends with it, and a Ctrl-C in the terminal reaches it only through us.
    this.child = spawn(options.command, { shell: true, cwd: options.cwd, env: marked(options.env), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    trackGroup(this.child.pid);
    for (const stream of ['stdout', 'stderr'] as const) this.lines(stream);
    this.exit = new Promise((resolve) => {
      const over = (code: number | null, signal: NodeJS.Signals | null) => {
        if (this.ended) return;
        this.ended = true;
        resolve();
        if (!this.stopping) options.onExit(code, signal);
      };
      this.child.once('exit', over);
      this.child.once('error', (error) => {
        this.quote(error.message);
        over(1, null);
      });
    });
  }

  /** Resolves once the command listens on its port; throws if it ends first or listens elsewhere. */
  public async listening(signal: AbortSignal, timeoutMs = LISTEN_TIMEOUT_MS): Promise<void> {
    const { name, command, port } = this.options;
    if (port === undefined) return;
    const deadline = Date.now() + timeoutMs;
    while (!await connects(port)) {
      if (this.ended) {
        throw new MeshError('MESH_APP_ENDED', `the command of a workload keeps running, got its end: ${this.words()}; repair \`${command}\``, name);
      }
      if (signal.aborted) return;
      if (Date.now() >= deadline) {
        throw new MeshError('MESH_APP_PORT_IGNORED', `the command of a workload listens on the port in PORT, got nothing on 127.0.0.1:${port} after ${timeoutMs / 1000} s while it runs; `
          + `make \`${command}\` listen on HOST and PORT`, name);
      }
      await new Promise(resolve => setTimeout(resolve, 25));
    }
  }

  /** Ends the command and all it started: politely, then not. */
  public async stop(): Promise<void> {
    this.stopping = true;
    await endGroup(this.child.pid, 2000);
    await this.exit;
  }

  private lines(stream: 'stdout' | 'stderr'): void {
    let rest = '';
    this.child[stream]!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!.slice(-64 * 1024);
      for (const line of lines) this.line(line, stream);
    }).on('end', () => {
      if (rest !== '') this.line(rest, stream);
    });
  }

  private line(line: string, stream: 'stdout' | 'stderr'): void {
    if (line.trim() !== '') this.quote(line.trim());
    this.options.onLine(line, stream);
  }

  private quote(line: string): void {
    if (this.first.length < QUOTED.first) {
      this.first.push(line);
      return;
    }
    this.last.push(line);
    if (this.last.length <= QUOTED.last) return;
    this.last.shift();
    this.left++;
  }

  private words(): string {
    return [...this.first, ...this.left > 0 ? [`… ${this.left} more lines …`] : [], ...this.last].join(' | ') || 'without a word';
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
