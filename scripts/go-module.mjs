import { execFileSync } from 'node:child_process';

/** Downloads a Go module (`path@version`) through the module proxy and returns its folder. */
export function goModule(module) {
  const json = execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8', env: { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' } });
  return JSON.parse(json).Dir;
}
