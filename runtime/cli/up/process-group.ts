/** Leaders of the process groups that run; none may outlive this process, however it ends. */
const leaders = new Set<number>();

/** Remembers a process group until `endGroup`. */
export function trackGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  if (leaders.size === 0) process.once('exit', killAll);
  leaders.add(leader);
}

/** Ends a process group: politely, then, for members that stay, not. Resolves once nobody of it is left. */
export async function endGroup(leader: number | undefined, patienceMs: number): Promise<void> {
  if (leader === undefined) return;
  if (signal(leader, 'SIGTERM')) {
    const deadline = Date.now() + patienceMs;
    while (signal(leader, 0)) {
      if (Date.now() > deadline) signal(leader, 'SIGKILL');
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
  leaders.delete(leader);
  if (leaders.size === 0) process.off('exit', killAll);
}

/** The last resort, when this process ends without having ended them. */
function killAll(): void {
  for (const leader of leaders) signal(leader, 'SIGKILL');
}

/** Whether somebody was there to get it. */
function signal(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, name);
    return true;
  } catch {
    return false;
  }
}
