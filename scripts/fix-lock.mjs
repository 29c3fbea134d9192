// Keeps package-lock.json whole, so that `npm ci` takes it on every platform.
// npm leaves an optional package out of the lock where the registry at hand does not hold it (a native binding for another
// platform, say), and then `npm ci` refuses the lock: "Missing: … from lock file". Each one gets a stub entry here: name,
// version and platform, all that npm needs to skip it elsewhere. Run after `npm install`; `--check` only says what is missing.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Operating system and processor as napi-rs and esbuild write them into a package's name. */
const PLATFORM = /(android|darwin|freebsd|linux|openharmony|sunos|win32)-([a-z0-9]+)/;

/** Where Node would find `dependency` from the package at `at`: its own node_modules, then each outer one. */
function installed(packages, at, dependency) {
  for (let folder = at; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${dependency}`]) return true;
    if (folder === '') return false;
  }
}

/** The lock with a stub for every exact optional dependency it lacks, and the names of those. */
export function completeLock(lock) {
  const packages = { ...lock.packages };
  const added = [];
  for (const [at, entry] of Object.entries(lock.packages)) {
    for (const [dependency, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!/^\d+\.\d+\.\d+/.test(version) || installed(packages, at, dependency)) continue;
      const platform = PLATFORM.exec(dependency);
      packages[`node_modules/${dependency}`] = {
        // In npm's own order of keys, so that `npm install` leaves the file as it is.
        version, ...(platform && { cpu: [platform[2]] }), ...(entry.dev && { dev: true }), optional: true, ...(platform && { os: [platform[1]] }),
      };
      added.push(`${dependency}@${version}`);
    }
  }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { lock: { ...lock, packages: sorted }, added: added.sort() };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = resolve(import.meta.dirname, '..', 'package-lock.json');
  const { lock, added } = completeLock(JSON.parse(readFileSync(file, 'utf8')));
  if (added.length === 0) console.log('package-lock.json is whole');
  else if (process.argv.includes('--check')) {
    console.error(`package-lock.json lacks ${added.join(', ')}; run \`node scripts/fix-lock.mjs\``);
    process.exitCode = 1;
  } else {
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
    console.log(`package-lock.json: added ${added.join(', ')}`);
  }
}
