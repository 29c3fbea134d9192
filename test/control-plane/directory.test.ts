import { chmodSync, chownSync, mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directorySource } from '../../runtime/control-plane/sources/directory';
import type { DirectorySourceOptions } from '../../runtime/control-plane/sources/directory';
import type { Source } from '../../runtime/control-plane/sources/source';
import { InputError } from '../../runtime/control-plane/sources/source';
import { MeshError } from '../../src/model/error';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';

const NOBODY = 65534;
const USER = process.geteuid!();
let folder: string;
let source: Source | undefined;

beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'directory-source-')); });

afterEach(async () => {
  process.seteuid!(USER);
  await source?.close();
  source = undefined;
  rmSync(folder, { recursive: true });
});

const service = (name: string): string => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{name: http, port: 80}]}\n`;
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

/** Follows paths below the folder; `next()` is the next thing the source says: names of services, or errors. */
async function follow(...paths: string[]) {
  return following({ paths: paths.length > 0 ? paths : ['.'] });
}

async function following(options: Pick<DirectorySourceOptions, 'paths' | 'patienceMs'> & Partial<Pick<DirectorySourceOptions, 'modelOf'>>) {
  const said: string[][] = [];
  const waiting: ((said: string[]) => void)[] = [];
  const say = (what: string[]): void => {
    const first = waiting.shift();
    if (first) first(what);
    else said.push(what);
  };
  source = directorySource({ modelOf: buildModel, ...options, cwd: folder });
  const names = (model: Model): string[] => model.services.map(({ name }) => name);
  const first = await source.start({ model: model => say(names(model)), rejected: errors => say(errors.map(error => error.message)) });
  return { first: names(first), next: async (): Promise<string[]> => said.shift() ?? new Promise(resolve => { waiting.push(resolve); }) };
}

test('reads all manifests below directories, and single files', async () => {
  mkdirSync(join(folder, 'base/deep'), { recursive: true });
  mkdirSync(join(folder, 'base/node_modules'));
  write('base/deep/a.yaml', service('a'));
  write('base/b.json', JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'b' }, spec: { ports: [{ port: 80 }] } }));
  write('base/readme.md', 'not: [a manifest');
  write('base/.hidden.yaml', service('hidden'));
  write('base/node_modules/c.yaml', service('c'));
  write('single.yml', service('d'));
  expect((await follow('base', 'single.yml', 'base/b.json')).first).toEqual(['a', 'b', 'd']);
});

test('follows files that are changed, added, replaced and removed', async () => {
  write('a.yaml', service('a'));
  const { next } = await follow();
  write('a.yaml', service('a2'));
  expect(await next()).toEqual(['a2']);
  mkdirSync(join(folder, 'new'));
  write('new/b.yaml', service('b'));
  expect(await next()).toEqual(['a2', 'b']);
  write('.a.yaml.tmp', service('a3'));
  renameSync(join(folder, '.a.yaml.tmp'), join(folder, 'a.yaml'));
  expect(await next()).toEqual(['a3', 'b']);
  unlinkSync(join(folder, 'new/b.yaml'));
  expect(await next()).toEqual(['a3']);
});

test('follows a single file through the renames of an editor, never without it', async () => {
  write('a.yaml', service('a'));
  write('beside.yaml', service('beside'));
  const { first, next } = await follow('a.yaml');
  expect(first).toEqual(['a']);
  renameSync(join(folder, 'a.yaml'), join(folder, 'a.yaml~'));
  write('a.yaml', service('a2'));
  expect(await next()).toEqual(['a2']);
  renameSync(join(folder, 'a.yaml'), join(folder, 'a.yaml~'));
  write('a.yaml', service('a3'));
  expect(await next()).toEqual(['a3']);
});

test('reports a bad edit once, keeps quiet about what is then touched, and takes the repair', async () => {
  write('a.yaml', service('a'));
  const { next } = await follow();
  write('a.yaml', 'kind: [\n');
  const [error] = await next();
  expect(error).toMatch(/^\[a\.yaml:\d+\] MESH_YAML_SYNTAX: /);
  write('a.yaml', 'kind: [\n');
  write('a.yaml', service('a')); // back to the text before: content the source already serves, and it says so
  expect(await next()).toEqual(['a']);
});

test.each([
  ['a folder', 'dist', 400], ['a file of it', 'dist/a.yaml', 400], ['a folder', 'dist', 0], ['a file of it', 'dist/a.yaml', 0],
])('%s that is removed and written anew, as by cdk8s synth, is taken up without a word in between (%s, %d ms)', async (_name, path, compiling) => {
  const synth = async (name: string): Promise<void> => {
    rmSync(join(folder, 'dist'), { recursive: true, force: true });
    if (compiling > 0) await new Promise(resolve => setTimeout(resolve, compiling));
    mkdirSync(join(folder, 'dist'));
    write('dist/a.yaml', service(name));
  };
  mkdirSync(join(folder, 'dist'));
  write('dist/a.yaml', service('a'));
  const { next } = await follow(path);
  await synth('a2');
  expect(await next()).toEqual(['a2']);
  await synth('a3');
  expect(await next()).toEqual(['a3']);
  write('dist/a.yaml', service('a4'));
  expect(await next()).toEqual(['a4']);
});

test('a folder that stays away is reported, and taken up when it is back', async () => {
  mkdirSync(join(folder, 'dist'));
  write('dist/a.yaml', service('a'));
  const { next } = await following({ paths: ['dist'], patienceMs: 200 });
  rmSync(join(folder, 'dist'), { recursive: true });
  expect(await next()).toEqual(['[dist] MESH_FILE_UNREADABLE: a file or folder that can be read, got: it does not exist; check the path']);
  mkdirSync(join(folder, 'dist'));
  write('dist/a.yaml', service('a2'));
  expect(await next()).toEqual(['a2']);
});

test('says nothing when the text stays the same', async () => {
  write('a.yaml', service('a'));
  const { next } = await follow();
  write('a.yaml', service('a'));
  write('a.yaml', service('b'));
  expect(await next()).toEqual(['b']);
});

test('does not start where something is wrong, and names all of it', async () => {
  write('a.yaml', 'kind: [\n');
  await expect(follow('a.yaml', 'absent.yaml')).rejects.toThrow(InputError);
  await expect(follow('a.yaml', 'absent.yaml')).rejects.toThrow(/^\[absent\.yaml\] MESH_FILE_UNREADABLE: a file or folder that can be read, got: it does not exist; check the path\n\[a\.yaml:\d+\] MESH_YAML_SYNTAX/);
  mkdirSync(join(folder, 'empty'));
  await expect(follow('empty')).rejects.toThrow('[empty] MESH_INPUT_EMPTY: a folder of manifests holds .yaml, .yml or .json files, got none; name another folder');
});

test('names a file that may not be read', async () => {
  asNobody();
  write('a.yaml', service('a'));
  chmodSync(join(folder, 'a.yaml'), 0);
  await expect(follow()).rejects.toThrow('[a.yaml] MESH_FILE_UNREADABLE: a file or folder that can be read, got: permission denied; check the path');
});

test('passes on what the maker of models refuses', async () => {
  write('a.yaml', service('a'));
  const refusing = directorySource({ paths: ['.'], cwd: folder, modelOf: () => { throw new MeshError('MESH_FIELD_UNSUPPORTED', 'x'); } });
  await expect(refusing.start({ model: () => undefined, rejected: () => undefined })).rejects.toThrow('MESH_FIELD_UNSUPPORTED: x');
});

/** Root may read whatever its permissions are, so the rest of the test is somebody else's; afterEach brings root back, also where the test waits in vain. */
function asNobody(): void {
  if (USER !== 0) return;
  chownSync(folder, NOBODY, NOBODY);
  process.seteuid!(NOBODY);
}

test('a folder that cannot be watched is told, and so is one that cannot be read', async () => {
  asNobody();
  write('a.yaml', service('a'));
  const { next } = await follow();
  mkdirSync(join(folder, '.closed'), { mode: 0 });
  renameSync(join(folder, '.closed'), join(folder, 'closed'));
  // whether its content or its changes are asked for first, and whether its changes once or twice, is a matter of time
  const said = new Set<string>();
  while (![...said].some((text) => text.includes('UNREADABLE')) || said.size < 2) (await next()).forEach((text) => said.add(text));
  for (const text of said) {
    expect(text).toMatch(text.includes('UNREADABLE')
      ? /^\[closed\] MESH_FILE_UNREADABLE: a file or folder that can be read, got: permission denied; check the path$/
      : new RegExp(`^\\[\\.\\] MESH_WATCH_FAILED: changes of files are followed, got "EACCES: permission denied, (watch|scandir) '${folder}/closed'"; start again to follow them$`));
  }
  chmodSync(join(folder, 'closed'), 0o700);
});

test('what fails otherwise while a mesh is made of manifests is told, and the last good state stays', async () => {
  write('a.yaml', service('a'));
  const { next } = await following({
    paths: ['.'],
    modelOf: (resources) => {
      if (resources.length === 2) throw new RangeError('Maximum call stack size exceeded');
      return buildModel(resources);
    },
  });
  write('b.yaml', service('b'));
  expect(await next()).toEqual(['[.] MESH_INPUT_INVALID: manifests make a mesh, got "Maximum call stack size exceeded"; the last good state stays']);
  unlinkSync(join(folder, 'b.yaml'));
  write('c.yaml', `${service('b')}---\n${service('c')}`);
  expect(await next()).toEqual(['a', 'b', 'c']);
});
