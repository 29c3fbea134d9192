import { readdirSync, readFileSync, writeFileSync } from 'fs';
import { join } from 'path';
import { ApiObject, Chart, Duration, JsonPatch, Testing, Yaml } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import * as ts from 'typescript';
import * as mesh from '../src';
import { blocksOf } from './support/snippets';

/**
 * The pages of docs/constructs are programs. Each `ts` block runs, in the constructor of a chart with three services; each
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
