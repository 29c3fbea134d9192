import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { isManifestOrFolder, readManifestFiles } from './manifests';
import type { ManifestFiles } from './manifests';
import { InputError } from './source';
import type { Source, SourceSink } from './source';
import { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import type { Parsed } from '../../../src/model/parse';
import { parseManifests } from '../../../src/model/parse';
import type { Resource } from '../../../src/model/resource';

export interface DirectorySourceOptions {
  /** Directories (all manifests below them) and files. */
  readonly paths: readonly string[];
  /** What relative paths start from. */
  readonly cwd: string;
  /** Makes a model of what was read; throws an `InputError` or a `MeshError` for input that should not be served. */
  readonly modelOf: (resources: readonly Resource[]) => Model;
  /** How long one of the paths may be away before that is told; 10 s by default. */
  readonly patienceMs?: number;
}

/** Quiet time after a change before files are read. chokidar drops a second change of one file within 50 ms, so it has to be longer. */
const DEBOUNCE_MS = 60;
/** How long a file may be away before its absence counts: editors that write anew remove the old file first. */
const ABSENCE_MS = 100;
/** The same for what was named itself: `cdk8s synth` removes its folder, compiles the app and only then writes the folder anew. */
const PATIENCE_MS = 10_000;
/** How often paths that are away are looked for. A watch does not survive the end of what it watches. */
const LOOK_MS = 100;

/** Follows manifests on disk. What cannot be read, parsed or used is reported, and the last good model stays. */
export function directorySource(options: DirectorySourceOptions): Source {
  return new DirectorySource(options);
}

class DirectorySource implements Source {
  private watcher?: FSWatcher;
  private timer?: NodeJS.Timeout;
  private sink?: SourceSink;
  /** All files as they last were, good or bad, so that touching a file changes nothing. */
  private last?: ManifestFiles;
  /** What each file held when it was last read, so that the resources of files that did not change stay the same objects. */
  private parsed: ReadonlyMap<string, { readonly text: string; readonly content: Parsed }> = new Map();
  /** What was left while something is away, and since when. */
  private absence?: { readonly left: string; readonly since: number };
  /** Which folders are watched, as `folders` names them. */
  private watched: readonly (string | undefined)[] = [];

  public constructor(private readonly options: DirectorySourceOptions) {}

  public async start(sink: SourceSink): Promise<Model> {
    this.sink = sink;
    const read = this.read();
    this.take(read);
    let model: Model;
    try {
      model = this.modelOf(read);
    } catch (error) {
      throw new InputError(errorsOf(error, this.options.paths));
    }
    await this.follow();
    return model;
  }

  public async close(): Promise<void> {
    clearTimeout(this.timer);
    this.sink = undefined;
    await this.watcher?.close();
  }

  /** Watches anew what was away. */
  private async refollow(): Promise<void> {
    await this.watcher?.close();
    if (this.sink !== undefined) await this.follow();
    if (this.sink === undefined) await this.watcher?.close();
  }

  /** Resolves once changes are seen. */
  private async follow(): Promise<void> {
    const { cwd, paths } = this.options;
    const roots = paths.map(path => resolve(cwd, path));
    this.watched = this.folders();
    const folders = new Set(roots.filter(isFolder));
    const files = new Set(roots.filter(root => !folders.has(root)));
    const inFolder = (path: string): boolean => [...folders].some(folder => path === folder || path.startsWith(`${folder}/`));
    // Files are watched through their folder: a file that an editor replaces is another one, which a watch of its own would miss.
    const watcher = watch([...folders, ...new Set([...files].map(file => dirname(file)).filter(parent => !inFolder(parent)))], {
      ignoreInitial: true,
      ignored: (path, stats) => {
        const absolute = resolve(path);
        if (folders.has(absolute) || files.has(absolute) || stats === undefined) return false;
        if (inFolder(absolute)) return !isManifestOrFolder(basename(absolute), stats.isDirectory());
        return ![...files].some(file => dirname(file) === absolute);
      },
    });
    this.watcher = watcher;
    watcher.on('all', () => this.soon(DEBOUNCE_MS));
    watcher.on('error', error => {
      this.sink?.rejected([new MeshError('MESH_WATCH_FAILED', `changes of files are followed, got "${(error as Error).message}"; start again to follow them`, paths.join(', '))]);
    });
    await new Promise<void>(ready => { watcher.once('ready', () => ready()); });
    // Whatever changed between the first reading and the watch.
    this.soon(0);
  }

  private soon(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reload(), milliseconds);
  }

  private reload(): void {
    if (!this.sink) return;
    const folders = this.folders();
    if (folders.includes(undefined)) {
      this.watched = folders;
      this.soon(LOOK_MS);
    } else if (folders.some((folder, index) => folder !== this.watched[index])) {
      void this.refollow();
      return;
    }
    const read = this.read();
    if (this.mayComeBack(read) || !this.take(read)) return;
    try {
      this.sink.model(this.modelOf(read));
    } catch (error) {
      this.sink.rejected(errorsOf(error, this.options.paths));
    }
  }

  /** Whether files are away that were there, not yet for so long that they are gone. */
  private mayComeBack({ files, errors }: ManifestFiles): boolean {
    const present = new Set(files.map(({ path }) => path));
    if ((this.last?.files ?? []).every(({ path }) => present.has(path))) {
      this.absence = undefined;
      return false;
    }
    const left = JSON.stringify([...present]);
    if (this.absence?.left !== left) this.absence = { left, since: Date.now() };
    // Errors of reading tell that a path itself is away, or that nothing is left below it.
    const patience = errors.length > 0 ? this.options.patienceMs ?? PATIENCE_MS : ABSENCE_MS;
    const wait = patience - (Date.now() - this.absence.since);
    if (wait <= 0) return false;
    this.soon(Math.min(wait, LOOK_MS));
    return true;
  }

  /** The folders to be watched, named so that one written anew has another name; undefined for one whose path is away. */
  private folders(): (string | undefined)[] {
    const { cwd, paths } = this.options;
    return paths.map((path) => {
      const root = resolve(cwd, path);
      const own = statsOf(root);
      const folder = own?.isFile() === true ? statsOf(dirname(root)) : own;
      // Numbers alone are given out again.
      return folder && `${folder.ino} ${folder.birthtimeMs}`;
    });
  }

  private read(): ManifestFiles {
    return readManifestFiles(this.options.paths, this.options.cwd);
  }

  /** Notes what was read; false where nothing changed. */
  private take(read: ManifestFiles): boolean {
    const { last } = this;
    if (last !== undefined && isSameRead(last, read)) return false;
    this.last = read;
    return true;
  }

  private modelOf(read: ManifestFiles): Model {
    const errors = [...read.errors];
    const resources: Resource[] = [];
    const parsed = new Map(read.files.map(({ path, text }) => {
      const known = this.parsed.get(path);
      return [path, known?.text === text ? known : { text, content: parseManifests(text, path, known?.content) }];
    }));
    this.parsed = parsed;
    for (const { content } of parsed.values()) {
      resources.push(...content.resources);
      errors.push(...content.errors);
    }
    if (errors.length > 0) throw new InputError(errors);
    return this.options.modelOf(resources);
  }
}

function isSameRead(a: ManifestFiles, b: ManifestFiles): boolean {
  return a.files.length === b.files.length && a.errors.length === b.errors.length
    && a.files.every(({ path, text }, index) => path === b.files[index].path && text === b.files[index].text)
    && a.errors.every(({ message }, index) => message === b.errors[index].message);
}

const isFolder = (path: string): boolean => statsOf(path)?.isDirectory() === true;

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined; // what cannot be looked at is not there
  }
}

function errorsOf(error: unknown, paths: readonly string[]): readonly MeshError[] {
  if (error instanceof InputError) return error.errors;
  if (error instanceof MeshError) return [error];
  return [new MeshError('MESH_INPUT_INVALID', `manifests make a mesh, got "${(error as Error).message}"; the last good state stays`, paths.join(', '))];
}
