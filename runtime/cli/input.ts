import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Io } from './io';
import { UsageError } from './usage-error';
import type { MeshError } from '../../src/model/error';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';
import { compare } from '../../src/model/resource';

/** What a command reads: the resources of its DIRs, and what could not be read. */
export interface Input {
  readonly resources: readonly Resource[];
  readonly errors: readonly MeshError[];
  /** Files in the order in which they were read. */
  readonly files: readonly string[];
}

const MANIFEST = /\.(ya?ml|json)$/;

/** Files that a DIR stands for, as the user would name them: all manifests below it, sorted. A file stands for itself. */
export function manifestFiles(paths: readonly string[], cwd: string): string[] {
  return [...new Set(paths.flatMap(path => below(path, cwd)))];
}

function below(path: string, cwd: string): string[] {
  try {
    if (!statSync(resolve(cwd, path)).isDirectory()) return [path];
    return readdirSync(resolve(cwd, path), { withFileTypes: true })
      .sort((a, b) => compare(a.name, b.name))
      .flatMap((entry) => {
        if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
        const inner = join(path, entry.name);
        return entry.isDirectory() ? below(inner, cwd) : MANIFEST.test(entry.name) ? [inner] : [];
      });
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Reads every manifest of the DIRs. A file that cannot be read ends the command; one that is no manifest is an error among others. */
export function readInput(paths: readonly string[], io: Pick<Io, 'cwd'>): Input {
  const files = manifestFiles(paths, io.cwd);
  if (files.length === 0) throw new UsageError(`[${paths.join(', ')}] MESH_INPUT_EMPTY: a DIR holds .yaml, .yml or .json files, got none; name a folder of manifests`);
  const resources: Resource[] = [];
  const errors: MeshError[] = [];
  for (const file of files) {
    const parsed = parseManifests(readText(file, io.cwd), file);
    resources.push(...parsed.resources);
    errors.push(...parsed.errors);
  }
  return { resources, errors, files };
}

/** Reads one text file, or says why not. */
export function readText(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The input of commands that need all of it: anything unreadable ends them. */
export function readWholeInput(paths: readonly string[], io: Pick<Io, 'cwd'>): Input {
  const input = readInput(paths, io);
  if (input.errors.length > 0) throw new UsageError(input.errors.map(error => error.message).join('\n'));
  return input;
}

function unreadable(path: string, error: unknown): UsageError {
  const reasons: Record<string, string> = { ENOENT: 'it does not exist', EACCES: 'permission denied', EISDIR: 'it is a folder' };
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new UsageError(`[${path}] MESH_FILE_UNREADABLE: a file or folder that can be read, got: ${reasons[code] ?? message}; check the path`);
}
