import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Foreign } from './foreign';
import { foreignKind } from './foreign';
import { MeshError } from '../../../src/model/error';
import { compare } from '../../../src/model/resource';

/** A file as it was read, named as the user would name it. */
export interface ManifestFile {
  readonly path: string;
  readonly text: string;
}

/** What stands below the paths, and what of it could not be read. */
export interface ManifestFiles {
  readonly files: readonly ManifestFile[];
  readonly errors: readonly MeshError[];
  /** Files below the folders that are no manifests, and nobody named. */
  readonly skipped: readonly { readonly path: string; readonly kind: Foreign }[];
}

const MANIFEST = /\.(ya?ml|json)$/;

/** Whether a directory's entry is looked at at all; hidden ones are editors' and version control's. */
export function isManifestOrFolder(name: string, isFolder: boolean): boolean {
  if (name.startsWith('.') || name === 'node_modules') return false;
  return isFolder || MANIFEST.test(name);
}

/** Reads the manifests of directories (all below them, sorted) and files. Of directories only what is a manifest is read. */
export function readManifestFiles(paths: readonly string[], cwd: string): ManifestFiles {
  const errors: MeshError[] = [];
  const files: ManifestFile[] = [];
  const attempt = <T>(path: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      errors.push(unreadable(path, error as NodeJS.ErrnoException));
      return undefined;
    }
  };
  const skipped: { path: string; kind: Foreign }[] = [];
  const visit = (path: string, named: boolean): void => {
    const absolute = resolve(cwd, path);
    const isFolder = attempt(path, () => statSync(absolute).isDirectory());
    if (isFolder === undefined) return;
    if (!isFolder) {
      const text = attempt(path, () => readFileSync(absolute, 'utf8'));
      const kind = text === undefined || named ? undefined : foreignKind(path, text);
      if (kind !== undefined) skipped.push({ path, kind });
      else if (text !== undefined) files.push({ path, text });
      return;
    }
    const entries = attempt(path, () => readdirSync(absolute, { withFileTypes: true })) ?? [];
    for (const entry of [...entries].sort((a, b) => compare(a.name, b.name))) {
      if (isManifestOrFolder(entry.name, entry.isDirectory())) visit(join(path, entry.name), false);
    }
  };
  for (const path of paths) visit(path, true);
  // A file inside a directory that is named as well is one file.
  const unique = new Map(files.map(file => [resolve(cwd, file.path), file]));
  if (unique.size === 0 && errors.length === 0) {
    errors.push(new MeshError('MESH_INPUT_EMPTY', `a folder of manifests holds .yaml, .yml or .json files, got none${skipped.length === 0 ? '' : ` among ${skipped.length}`}; name another folder`, paths.join(', ')));
  }
  const seen = new Set<string>();
  const once = skipped.filter(({ path }) => !unique.has(resolve(cwd, path)) && seen.size < seen.add(resolve(cwd, path)).size);
  return { files: [...unique.values()], errors, skipped: once };
}

const REASONS: Readonly<Record<string, string>> = { ENOENT: 'it does not exist', EACCES: 'permission denied' };

function unreadable(path: string, { code = '', message }: NodeJS.ErrnoException): MeshError {
  return new MeshError('MESH_FILE_UNREADABLE', `a file or folder that can be read, got: ${REASONS[code] ?? message}; check the path`, path);
}
