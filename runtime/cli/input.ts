import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Io } from './io';
import { UsageError } from './usage-error';
import type { MeshError } from '../../src/model/error';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';
import { readManifestFiles } from '../control-plane/sources/manifests';
import { InputError } from '../control-plane/sources/source';

/** What a command reads: the resources of its DIRs, and the documents that are no manifests. */
export interface Input {
  readonly resources: readonly Resource[];
  readonly errors: readonly MeshError[];
  /** Files in the order in which they were read. */
  readonly files: readonly string[];
}

/** Reads every manifest of the DIRs. A file that cannot be read ends the command; one that is no manifest is an error among others. */
export function readInput(paths: readonly string[], io: Pick<Io, 'cwd'>): Input {
  const { files, errors: unreadable } = readManifestFiles(paths, io.cwd);
  if (unreadable.length > 0) throw new InputError(unreadable);
  const parsed = files.map(({ path, text }) => parseManifests(text, path));
  return {
    resources: parsed.flatMap(each => each.resources),
    errors: parsed.flatMap(each => each.errors),
    files: files.map(({ path }) => path),
  };
}

/** The input of commands that need all of it: anything that is no manifest ends them. */
export function readWholeInput(paths: readonly string[], io: Pick<Io, 'cwd'>): Input {
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
