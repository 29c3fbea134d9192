import type { MeshError } from '../../src/model/error';

/** Exit codes of every command. */
export const EXIT = { good: 0, findings: 1, usage: 2, interrupted: 130 } as const;

/** Codes of input that says nothing yet: there is no file, or no list of objects in it. */
const UNREADABLE: ReadonlySet<string> = new Set([
  'MESH_DOCUMENT_INVALID', 'MESH_FILE_UNREADABLE', 'MESH_INPUT_EMPTY', 'MESH_YAML_SEPARATOR', 'MESH_YAML_SYNTAX',
]);

/** What wrong input means for the exit code: it cannot be read, or it can and is a finding. */
export function exitCodeOf(errors: readonly Pick<MeshError, 'code'>[]): number {
  if (errors.length === 0) return EXIT.good;
  return errors.some(({ code }) => UNREADABLE.has(code)) ? EXIT.usage : EXIT.findings;
}
