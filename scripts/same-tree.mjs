import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const files = (dir) => existsSync(dir) ? readdirSync(dir, { recursive: true }).filter((f) => statSync(join(dir, f)).isFile()).sort() : [];

/** Ends the process with 1, naming the files, unless both folders hold the same bytes. */
export function assertSameTree(made, committed, repair) {
  const names = new Set([...files(made), ...files(committed)]);
  const read = (dir, name) => existsSync(join(dir, name)) ? readFileSync(join(dir, name)) : undefined;
  const differing = [...names].filter((name) => {
    const [a, b] = [read(made, name), read(committed, name)];
    return a === undefined || b === undefined || !a.equals(b);
  });
  if (differing.length > 0) {
    console.error(`${committed} differs from its source in ${differing.join(', ')}; run \`${repair}\``);
    process.exit(1);
  }
  console.log(`${committed}: ${names.size} files, the same bytes`);
}
