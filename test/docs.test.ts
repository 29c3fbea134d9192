import { readdirSync, readFileSync, writeFileSync } from 'fs';
import { join } from 'path';
import { ApiObject, Chart, Duration, JsonPatch, Testing, Yaml } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import * as ts from 'typescript';
import * as mesh from '../src';
import { blocksOf, compileFaults } from './support/snippets';

/**
 * The pages of docs/constructs are programs. Each `ts` block compiles and runs, in the constructor of a chart with three services; each
 * `yaml` block after it is what the objects in its title render, to the byte. UPDATE_DOCS=1 writes the yaml blocks anew.
 */
const root = join(__dirname, '..');
const folder = join(root, 'docs', 'constructs');
const pages = readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'README.md').sort();
const update = process.env.UPDATE_DOCS === '1';

/** Brings programs that are not built here; users' package has its own. */
class BuiltControlPlane extends mesh.ReferenceControlPlane {
  public constructor(scope: Construct, id: string, props: mesh.ReferenceControlPlaneProps = {}) {
    super(scope, id, { bundle: __filename, ...props });
  }
}

/** What a snippet may take for granted. */
function fixture(chart: Chart) {
  const service = (name: string) => new mesh.MeshService(chart, name, { ports: [mesh.MeshPort.http(9080)] });
  const version = (of: mesh.MeshService, name: string) => of.addVersion(name, { containers: [{ image: `example/${of.name}:${name}` }] });
  const [productpage, reviews, ratings] = ['productpage', 'reviews', 'ratings'].map(service);
  version(productpage, 'v1');
  version(ratings, 'v1');
  return { productpage, reviews, ratings, v1: version(reviews, 'v1'), v2: version(reviews, 'v2') };
}

function run(code: string): Chart {
  const chart = new Chart(Testing.app(), 'shop', { disableResourceNameHashes: true });
  const given = { ...mesh, ReferenceControlPlane: BuiltControlPlane, ...fixture(chart), ApiObject, Duration, JsonPatch, kplus };
  const { outputText } = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, no-new-func
  new Function(...Object.keys(given), outputText).apply(chart, Object.values(given));
  return chart;
}

function rendered(chart: Chart, title: string): string {
  const manifests = Testing.synth(chart);
  return title.split(', ').map((name) => {
    const [kind, own] = name.split(' ');
    const found = manifests.filter((object) => object.kind === kind && object.metadata.name === own);
    expect([name, found.length]).toEqual([name, 1]);
    return Yaml.stringify(found[0]);
  }).join('---\n');
}

test.each(pages)('%s: snippets run, and render what it shows', (page) => {
  let chart: Chart | undefined;
  let text = readFileSync(join(folder, page), 'utf8');
  for (const block of blocksOf(join(folder, page))) {
    if (block.language === 'ts') {
      chart = run(block.text);
      Testing.synth(chart);
    } else if (block.language === 'yaml') {
      const shown = rendered(chart!, block.title);
      if (update) text = text.replace(block.whole, () => `\`\`\`yaml title="${block.title}"\n${shown}\`\`\``);
      else expect(block.text).toBe(shown);
    }
  }
  if (update) writeFileSync(join(folder, page), text);
});

/** The examples in the doc comments of the public classes, by where they stand. */
function examples(): [string, string][] {
  const files = readdirSync(join(root, 'src')).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+)/gm)]
    .map(([, lines], at): [string, string] => [`${file}-${at}`, lines.replace(/^ *\* ?/gm, '')]));
}

test('snippets, and the examples of doc comments, compile', () => {
  const names = Object.keys(mesh).join(', ');
  const snippets = pages.flatMap((page) => blocksOf(join(folder, page)).filter(({ language }) => language === 'ts')
    .map(({ text, at }): [string, string] => [`${page}-${at}`, text]));
  const sources = new Map([...snippets, ...examples()].map(([name, text]) => [
    join(root, 'test', `${name}.ts`),
    `import { ApiObject, Chart, Duration, JsonPatch } from 'cdk8s';\nimport * as kplus from 'cdk8s-plus-27';\nimport { ${names} } from '../src';
     declare const productpage: MeshService, reviews: MeshService, ratings: MeshService, v1: MeshVersion, v2: MeshVersion;
     declare const chart: Chart, gateway: MeshGateway, controlPlane: any;
     export class Page extends Chart { public run(): void {\n${text}\n} }\n`,
  ]));
  expect(compileFaults(sources)).toEqual([]);
}, 120_000);
