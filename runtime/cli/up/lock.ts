import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { MARK, startOf } from './leftovers';

/** What a running `up` tells others about itself. */
export interface Running {
  readonly pid: number;
  readonly cwd: string;
  readonly paths: readonly string[];
  /** Addresses that it listens on, without ports. */
  readonly addresses: readonly string[];
  readonly controlPlanePort: number;
  /** Admin address of each proxy, by `NAME.NAMESPACE`. */
  readonly admins: Readonly<Record<string, string>>;
  /** What everything that it starts carries in its environment. */
  readonly mark?: string;
}

/** A note as it is written. */
interface Note extends Running {
  /** When the process started: its id may be another's by now. */
  readonly started?: string | null;
}

const LOOK_MS = 50;

/** A note in the temporary folder, one for each running `up` of this user; it goes when the process ends in order. */
export class Lock {
  private readonly file: string;

  public constructor(private readonly folder: string = defaultFolder(), pid: number = process.pid) {
    this.file = join(folder, `${pid}.json`);
  }

  /** Writes what is running. */
  public hold(running: Running): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    // Readers must never see half a note.
    const draft = `${this.file}.tmp`;
    writeFileSync(draft, JSON.stringify({ ...running, started: startOf(running.pid) } satisfies Note), { mode: 0o600 });
    renameSync(draft, this.file);
  }

  public release(): void {
    rmSync(this.file, { force: true });
  }

  /**
   * Waits until no other `up` of this user is about to start, so that each finds the addresses of the others taken or free, never in
   * between. Returns what ends the turn.
   */
  public async turn(signal: AbortSignal): Promise<() => void> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, 'starting');
    while (!signal.aborted) {
      try {
        writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
        return () => rmSync(file, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if (isLeft(file)) rmSync(file, { force: true });
        else await new Promise(resolve => setTimeout(resolve, LOOK_MS));
      }
    }
    return () => undefined;
  }

  /** Every other `up` of this user that still runs. */
  public others(): Running[] {
    return this.notes().filter(({ file, note }) => file !== this.file && runs(note)).map(({ note }) => note);
  }

  /** What `up`s of this user left that were killed; `cleared` forgets one of them. */
  public left(): { readonly running: Running; cleared(): void }[] {
    return this.notes().filter(({ file, note }) => (file === this.file ? note.mark !== MARK : !runs(note)))
      .map(({ file, note }) => ({ running: note, cleared: () => rmSync(file, { force: true }) }));
  }

  private notes(): { file: string; note: Note }[] {
    return list(this.folder).flatMap((name) => {
      const file = join(this.folder, name);
      const note = read(file);
      return note === undefined ? [] : [{ file, note }];
    });
  }
}

function defaultFolder(): string {
  return join(tmpdir(), `cdk8s-mesh-${userInfo().uid}`);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => name.endsWith('.json')).sort();
  } catch {
    return []; // nobody ever ran here
  }
}

function read(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Note;
  } catch {
    return undefined; // gone or foreign
  }
}

/** Whether the process that had a turn ended without ending it. */
function isLeft(file: string): boolean {
  try {
    const pid = readFileSync(file, 'utf8');
    // One who is just writing it has written nothing yet.
    return pid === '' ? Date.now() - statSync(file).mtimeMs > 1000 : !isAlive(Number(pid));
  } catch {
    return false; // it has just gone
  }
}

/** Whether the process of a note still runs, and is not another one that got its id. */
function runs({ pid, started }: Note): boolean {
  if (!isAlive(pid)) return false;
  const now = startOf(pid);
  return now !== null && (typeof started !== 'string' || now === undefined || now === started);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** `up ./dist (process 123, in /home/me; stop it with kill -INT 123)`. */
export function describe(running: Running): string {
  return `cdk8s-mesh up ${running.paths.join(' ')} (process ${running.pid} in ${running.cwd}); stop it with Ctrl-C there or \`kill -INT ${running.pid}\``;
}
