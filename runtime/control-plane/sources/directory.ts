import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { FSWatcher } from 'chokidar';
import { isManifestOrFolder, readManifestFiles } from './manifests';
import type { ManifestFiles } from './manifests';
import { InputError } from './source';
import type { Source, SourceSink } from './source';
import { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import { parseManifests } from '../../../src/model/parse';
import type { Resource } from '../../../src/model/resource';

export interface DirectorySourceOptions {
  /** Directories (all manifests below them) and files. */
  readonly paths: readonly string[];
  /** What relative paths start from. */
  readonly cwd: string;
  /** Makes a model of what was read; throws an `InputError` or a `MeshError` for input that should not be served. */
  readonly modelOf: (resources: readonly Resource[]) => Model;
}

/** Quiet time after a change before files are read. chokidar drops a second change of one file within 50 ms, so it has to be longer. */
const DEBOUNCE_MS = 60;
/** How long a file may be away before its absence counts: editors that write anew remove the old file first. */
const ABSENCE_MS = 100;

/** Follows manifests on disk. What cannot be read, parsed or used is reported, and the last good model stays. */
export function directorySource(options: DirectorySourceOptions): Source {
  return new DirectorySource(options);
}

class DirectorySource implements Source {
  private watcher?: FSWatcher;
  private timer?: NodeJS.Timeout;
  private sink?: SourceSink;
  /** Text of all files as they last were, good or bad, so that touching a file changes nothing. */
  private lastText?: string;
  private lastPaths: ReadonlySet<string> = new Set();
  private absentSince?: number;

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

  /** Resolves once changes are seen. */
  private async follow(): Promise<void> {
    const { cwd, paths } = this.options;
    const roots = paths.map(path => resolve(cwd, path));
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
    const read = this.read();
    const paths = new Set(read.files.map(({ path }) => path));
    const absent = [...this.lastPaths].some(path => !paths.has(path));
    if (absent) {
      this.absentSince ??= Date.now();
      const left = ABSENCE_MS - (Date.now() - this.absentSince);
      if (left > 0) {
        this.soon(left);
        return;
      }
    }
    this.absentSince = undefined;
    if (!this.take(read)) return;
    try {
      this.sink.model(this.modelOf(read));
    } catch (error) {
      this.sink.rejected(errorsOf(error, this.options.paths));
    }
  }

  private read(): ManifestFiles {
    return readManifestFiles(this.options.paths, this.options.cwd);
  }

  /** Notes what was read; false where nothing changed. */
  private take({ files, errors }: ManifestFiles): boolean {
    const text = JSON.stringify([files, errors.map(error => error.message)]);
    if (text === this.lastText) return false;
    this.lastText = text;
    this.lastPaths = new Set(files.map(({ path }) => path));
    return true;
  }

  private modelOf(read: ManifestFiles): Model {
    const errors = [...read.errors];
    const resources: Resource[] = [];
    for (const { path, text } of read.files) {
      const parsed = parseManifests(text, path);
      resources.push(...parsed.resources);
      errors.push(...parsed.errors);
    }
    if (errors.length > 0) throw new InputError(errors);
    return this.options.modelOf(resources);
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function errorsOf(error: unknown, paths: readonly string[]): readonly MeshError[] {
  if (error instanceof InputError) return error.errors;
  if (error instanceof MeshError) return [error];
  return [new MeshError('MESH_INPUT_INVALID', `manifests make a mesh, got "${(error as Error).message}"; the last good state stays`, paths.join(', '))];
}
