/** Ends a process group: politely, then, for members that stay, not. Resolves once nobody of it is left. */
export async function endGroup(leader: number | undefined, patienceMs: number): Promise<void> {
  if (leader === undefined || !signal(leader, 'SIGTERM')) return;
  const deadline = Date.now() + patienceMs;
  while (signal(leader, 0)) {
    if (Date.now() > deadline) signal(leader, 'SIGKILL');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
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
