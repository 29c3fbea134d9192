import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Downloads a Go module (`path@version`) through the module proxy and returns its folder. */
export function goModule(module) {
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' };
  const go = (...args) => execFileSync('go', args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return JSON.parse(go('mod', 'download', '-json', module)).Dir;
  } catch (error) {
    // A module may ask for a newer Go than this one: it cannot be built here, but it lies there, and its files can be read.
    const dir = join(go('env', 'GOMODCACHE').trim(), module);
    if (existsSync(dir)) return dir;
    throw new Error(`go mod download ${module}: ${JSON.parse(error.stdout || '{}').Error ?? error.message}`);
  }
}
