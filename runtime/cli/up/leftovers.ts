import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Variable in the environment of everything that an `up` starts. A process id may be a stranger's by the time it is read; this cannot. */
const VARIABLE = 'CDK8S_MESH_UP';
const PATIENCE_MS = 3000;

/** Mark of what this process starts. */
export const MARK = randomUUID();

/** An environment with the mark of this process. */
export function marked(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return { ...env, [VARIABLE]: MARK };
}

/** Beginning of the names of folders, in the temporary folder, that belong to a mark. */
export const folderPrefix = (mark: string = MARK): string => `cdk8s-mesh-envoy-${mark}-`;

/** Ends all that carries a mark, politely, then not, and removes its folders. Returns how many processes there were. */
export async function endLeftovers(mark: string): Promise<number> {
  const found = carriers(mark);
  const deadline = Date.now() + PATIENCE_MS;
  found.forEach(pid => end(pid, 'SIGTERM'));
  while (carriers(mark).length > 0 && Date.now() < deadline + PATIENCE_MS) {
    if (Date.now() > deadline) carriers(mark).forEach(pid => end(pid, 'SIGKILL'));
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  for (const name of readdirSync(tmpdir())) if (name.startsWith(folderPrefix(mark))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  return found.length;
}

/** A process, and its group where it leads one: a member may have overwritten its environment to set a title. */
function end(pid: number, name: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, name);
    } catch {
      // it leads no group, or has just ended
    }
  }
}

function carriers(mark: string): number[] {
  const sought = `${VARIABLE}=${mark}`;
  try {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name) && environment(name).split('\0').includes(sought)).map(Number);
  } catch {
    // There is no /proc on macOS, where `ps` shows environments.
    const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split('\n');
    return lines.filter(line => line.split(' ').includes(sought)).map(line => Number.parseInt(line, 10));
  }
}

/** Empty for processes of others, and for those that have ended. */
function environment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

/** When a process started, as the system tells it; undefined where it does not tell, null for one that has ended. */
export function startOf(pid: number): string | null | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name, in brackets, may hold anything.
  const [state, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? null : rest[18];
}
