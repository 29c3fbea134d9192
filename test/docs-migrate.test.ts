import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Chart, Testing, Yaml } from 'cdk8s';
import { MeshRequest, MeshTesting } from '../src';
import { cli, folderOf, type Outcome } from './cli/support';
import { type Block, blocksOf, runModule } from './support/snippets';
import { KINDS, NODES } from '../src/analysis/schema/generated/istio';
import type { TypeRef } from '../src/analysis/schema/table';

/** The pages of migration: their programs run, what `diff` says of them is compared, and their tables name every field and only what there is. */
const folder = join(__dirname, '../docs/migrate');
const update = process.env.UPDATE_DOCS === '1';
const pages = ['from-istio-yaml.md', 'from-app-mesh.md'];

const page = (name: string) => {
  const path = join(folder, name);
  const blocks = blocksOf(path);
  const titled = (title: string): Block => blocks.find((block) => block.title === title)!;
  return { path, blocks, titled };
};

/** The chart that a program exports, synthesized into the text of a file. */
function synth(code: string): { readonly chart: any; readonly yaml: string } {
  const [Exported] = Object.values(runModule(code)) as (new (scope: any, id: string) => Chart)[];
  const chart = new Exported(Testing.app(), 'shop');
  return { chart, yaml: Yaml.stringify(...Testing.synth(chart)) };
}

test('the pages are all there are', () => {
  expect(readdirSync(folder).sort()).toEqual([...pages].sort());
});

describe('from hand-written YAML', () => {
  const { path, blocks, titled } = page('from-istio-yaml.md');
  const before = titled('before/bookshop.yaml').text;
  const program = titled('bookshop.ts').text;
  const diff = async (code: string) => {
    const cwd = folderOf({ 'before/bookshop.yaml': before, 'dist/shop.k8s.yaml': synth(code).yaml });
    return cli(['diff', 'before', 'dist'], { cwd });
  };

  test('neither side has anything that analysis warns of', async () => {
    const cwd = folderOf({ 'before/bookshop.yaml': before, 'dist/shop.k8s.yaml': synth(program).yaml });
    for (const side of ['before', 'dist']) expect(await cli(['analyze', side], { cwd })).toMatchObject({ code: 0 });
  });

  const shown = (block: Block, { stdout, stderr }: Outcome) => {
    const text = `$ npx cdk8s-mesh diff before dist\n${stdout}${stderr}`;
    if (update) writeFileSync(path, readFileSync(path, 'utf8').replace(block.whole, () => `\`\`\`console title="${block.title}"\n${text}\`\`\``));
    else expect(block.text).toBe(text);
  };

  test('the constructs do what the YAML does', async () => {
    const outcome = await diff(program);
    expect(outcome).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('No difference for traffic and access.\n') });
    shown(titled('diff'), outcome);
  });

  test('a change of the program is told as the page shows it', async () => {
    const block = blocks.find(({ title }) => title.startsWith('with '))!;
    const [, now, was] = /^with (.+) for (.+)$/.exec(block.title)!;
    expect(program.split(was)).toHaveLength(2);
    const outcome = await diff(program.replace(was, now));
    expect(outcome).toMatchObject({ code: 1, stdout: expect.stringContaining('3s → 2s') });
    shown(block, outcome);
  });

  test('old and new routes of one host, applied together, are named as a pair', async () => {
    const cwd = folderOf({ 'before/bookshop.yaml': before, 'dist/shop.k8s.yaml': synth(program).yaml });
    const { code, stdout } = await cli(['analyze', 'before', 'dist'], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('MESH_HOST_SHARED (IST0109): VirtualService/bookshop/reviews-routes');
  });

  test('the tables name every field that Istio has, and no other', () => {
    const rows = rowsOf(readFileSync(path, 'utf8'));
    for (const { kind, spec } of KINDS) {
      const told = rows.filter((row) => row.kind === kind).flatMap(({ fields }) => fields);
      const known = [...fieldsOf(spec)];
      expect([kind, told.filter((field) => !known.includes(field))]).toEqual([kind, []]);
      const covered = (field: string) => told.some((each) => field === each || field.startsWith(`${each}.`));
      const parents = (field: string) => told.some((each) => each.startsWith(`${field}.`));
      expect([kind, known.filter((field) => !covered(field) && !parents(field))]).toEqual([kind, []]);
    }
  });
});

test('from App Mesh: the program does what the one before it did', () => {
  const { chart } = synth(page('from-app-mesh.md').titled('shop.ts').text);
  const mesh = MeshTesting.of(chart);
  const { orders, payments } = chart;
  const pay = MeshRequest.get('http://payments:8080/pay');
  const share = (request: MeshRequest) => mesh.send(request, { from: orders }).expectRetries(2).distribution();
  expect(share(pay)).toEqual([{ target: 'payments/blue', percent: 95 }, { target: 'payments/green', percent: 5 }]);
  mesh.send(pay.header('x-tester', 'true'), { from: orders }).expectTarget(payments.versions[1]);
  const order = mesh.send(MeshRequest.get('http://anything.example/orders/7')).expectTarget(orders);
  expect(order.path).toBe('/7');
  expect(mesh.send(MeshRequest.get('http://anything.example/else')).outcome).not.toBe('routed');
  expect(mesh.send(MeshRequest.get('http://orders:8080/'), { from: payments }).outcome).not.toBe('routed');
});

test.each(pages)('%s: what its tables name is public', (name) => {
  const sources = readdirSync(join(__dirname, '../src')).filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join(__dirname, '../src', file), 'utf8'));
  const counterparts = readFileSync(join(folder, name), 'utf8').split('\n').filter((line) => line.startsWith('| ')).map((line) => line.split(' | ')[1]);
  const named = counterparts.flatMap((cell) => [...cell.matchAll(/`([A-Z]\w+)(?:\.(\w+))?/g)]).filter(([, type]) => type !== 'ApiObject');
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter(([, type, member]) => !sources.some((source) => new RegExp(`export (abstract )?(class|interface|enum) ${type}\\b`).test(source)
    && (member === undefined || new RegExp(`\\b${member}\\b`).test(source))));
  // Properties may be those of an interface that the named one extends, in another file.
  expect(missing.filter(([, type, member]) => member === undefined || !sources.some((source) => source.includes(`readonly ${member}`)) || !sources.some((source) => source.includes(`interface ${type}`)))
    .map(([whole]) => whole)).toEqual([]);
});

interface Row { readonly kind: string; readonly fields: readonly string[] }

/** Rows by kind: that of the heading, or the word before the fields. Lists and maps lose their brackets. */
function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let heading = '';
  for (const line of text.split('\n')) {
    heading = /^### (.+)$/.exec(line)?.[1] ?? heading;
    const [, cell] = /^\| (.*?) \| /.exec(line) ?? [];
    if (cell === undefined || !cell.includes('`')) continue;
    const kind = /^(\w+) `/.exec(cell)?.[1] ?? heading;
    rows.push({ kind, fields: [...cell.matchAll(/`([^`]+)`/g)].map(([, field]) => field.replace(/\[\]/g, '')) });
  }
  return rows;
}

/** Every field of a structure, by path. */
function* fieldsOf(ref: TypeRef, path = ''): Iterable<string> {
  if (typeof ref !== 'number') return;
  const node = NODES[ref];
  if ('list' in node) {yield* fieldsOf(node.list, path);} else if ('map' in node) {yield* fieldsOf(node.map, path);} else if ('fields' in node) {
    for (const [name, field] of Object.entries(node.fields)) {
      const own = path === '' ? name : `${path}.${name}`;
      yield own;
      yield* fieldsOf(field, own);
    }
  }
}
