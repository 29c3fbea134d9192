import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as mesh from '../src';
import { blocksOf, compileFaults } from './support/snippets';

/** All TypeScript that people read compiles, in one program: a second one would read cdk8s and all of ours again. */
const root = join(__dirname, '..');
const constructs = join(root, 'docs', 'constructs');
const migrate = join(root, 'docs', 'migrate');
const pagesIn = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'README.md').sort();

/** Blocks of the pages of constructs, which take a chart with three services for granted. */
function snippets(): [string, string][] {
  return pagesIn(constructs).flatMap((page) => blocksOf(join(constructs, page)).filter(({ language }) => language === 'ts')
    .map(({ text, at }): [string, string] => [`${page}-${at}`, text]));
}

/** The examples in the doc comments of the public classes, by where they stand. */
function examples(): [string, string][] {
  const files = readdirSync(join(root, 'src')).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+)/gm)]
    .map(([, lines], at): [string, string] => [`${file}-${at}`, lines.replace(/^ *\* ?/gm, '')]));
}

/** The programs of the pages of migration, with imports of their own. */
function programs(): [string, string][] {
  return pagesIn(migrate).flatMap((page) => blocksOf(join(migrate, page)).filter(({ language, title }) => language === 'ts' && !title.startsWith('not compiled'))
    .map(({ text, at }): [string, string] => [join(__dirname, `${page}-${at}.ts`), text]));
}

test('snippets, examples of doc comments and programs compile', () => {
  const names = Object.keys(mesh).join(', ');
  const within = [...snippets(), ...examples()].map(([name, text]): [string, string] => [
    join(__dirname, `${name}.ts`),
    `import { ApiObject, Chart, Duration, JsonPatch } from 'cdk8s';\nimport * as kplus from 'cdk8s-plus-27';\nimport { ${names} } from '../src';
     declare const productpage: MeshService, reviews: MeshService, ratings: MeshService, v1: MeshVersion, v2: MeshVersion;
     declare const chart: Chart, gateway: MeshGateway, controlPlane: any;
     export class Page extends Chart { public run(): void {\n${text}\n} }\n`,
  ]);
  expect([within.length > 30, programs().length]).toEqual([true, 2]);
  expect(compileFaults(new Map([...within, ...programs()]))).toEqual([]);
}, 240_000);
