// Writes docs/errors.md from the registry of codes in src/model/codes.ts. `--check` fails where the committed file differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as esbuild from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const target = join(root, 'docs/errors.md');

const { outputFiles: [{ text }] } = await esbuild.build({ entryPoints: [join(root, 'src/model/codes.ts')], format: 'esm', write: false });
const { CODES } = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);

const page = `# Error codes

Every error and finding reads \`[where] CODE: rule, got value; repair\`. *Where* is the construct's path if the manifest names one, else
file and line, else the resource. Where Istio has a code for the same matter, findings carry it too (\`IST0101\`). Codes stay; texts may get better.

Every public method and constructor says \`MESH_FIELD_REQUIRED\`, \`MESH_FIELD_TYPE\` or \`MESH_ENUM_INVALID\` where it gets what its declared type forbids,
also from plain JavaScript and Python, where no compiler has looked. Values made later (\`Lazy\`) are of another type: what is given is checked at once.

| Code | Meaning |
|---|---|
${Object.entries(CODES).sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`).join('\n')}
`;

if (!process.argv.includes('--check')) writeFileSync(target, page);
else if (readFileSync(target, 'utf8') !== page) {
  console.error('docs/errors.md differs from src/model/codes.ts; run `node scripts/generate-errors.mjs`');
  process.exit(1);
}
