import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Io } from './io';
import { UsageError } from './usage-error';
import type { MeshError } from '../../src/model/error';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';
import type { Foreign } from '../control-plane/sources/foreign';
import type { ManifestFiles } from '../control-plane/sources/manifests';
import { readManifestFiles } from '../control-plane/sources/manifests';
import { InputError } from '../control-plane/sources/source';

/** What a command reads: the resources of its DIRs, and the documents that are no manifests. */
export interface Input {
  readonly resources: readonly Resource[];
  readonly errors: readonly MeshError[];
  /** Files in the order in which they were read. */
  readonly files: readonly string[];
}

/** Stands for standard input among DIRs. */
const STANDARD_INPUT = '-';

/** How many skipped files are named. */
const NAMED = 3;

/** Reads every manifest of the DIRs, and of standard input where one is `-`. A file that cannot be read ends the command; one that is no manifest is an error among others. */
export function readInput(paths: readonly string[], io: Pick<Io, 'cwd' | 'stdin' | 'stderr'>): Input {
  const named = paths.filter(path => path !== STANDARD_INPUT);
  const read = named.length > 0 ? readManifestFiles(named, io.cwd) : { files: [], errors: [], skipped: [] };
  if (read.errors.length > 0) throw new InputError(read.errors);
  tellSkipped(read.skipped, io);
  const files = [...read.files, ...(named.length < paths.length ? [{ path: 'stdin', text: io.stdin?.() ?? readFileSync(0, 'utf8') }] : [])];
  const parsed = files.map(({ path, text }) => parseManifests(text, path));
  return {
    resources: parsed.flatMap(each => each.resources),
    errors: parsed.flatMap(each => each.errors),
    files: files.map(({ path }) => path),
  };
}

function tellSkipped(skipped: ManifestFiles['skipped'], io: Pick<Io, 'stderr'>): void {
  const tell = (kind: Foreign, what: (count: number) => string) => {
    const names = skipped.filter(each => each.kind === kind).map(({ path }) => path);
    if (names.length === 0) return;
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    io.stderr.write(`note: skipped ${what(names.length)}: ${names.slice(0, NAMED).join(', ')}${more}\n`);
  };
  tell('other', count => (count === 1 ? '1 file that is no Kubernetes manifest' : `${count} files that are no Kubernetes manifests`));
  tell('template', count => (count === 1 ? '1 template that was not rendered (run `helm template` first)' : `${count} templates that were not rendered (run \`helm template\` first)`));
}

/** The input of commands that need all of it: anything that is no manifest ends them. */
export function readWholeInput(paths: readonly string[], io: Pick<Io, 'cwd' | 'stdin' | 'stderr'>): Input {
  const input = readInput(paths, io);
  if (input.errors.length > 0) throw new InputError(input.errors);
  return input;
}

/** Reads one text file, or says why not. */
export function readText(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(`[${file}] MESH_FILE_UNREADABLE: a file that can be read, got: ${(error as Error).message}; check the path`);
  }
}
