import { parseDocument, stringify } from 'yaml';
import type { ScalarTag } from 'yaml';

/** One document of a file: its text as it stands, and what it says (undefined for comments alone). */
export interface Document {
  readonly text: string;
  readonly value: unknown;
}

/** Aliases that a document may write out; a manifest has none or few. */
const MAX_ALIASES = 100;

/** Kubernetes reads YAML 1.1, in which `0644` is octal and `yes` is true. */
const OLDER: readonly ScalarTag[] = [
  { tag: 'tag:yaml.org,2002:int', default: true, test: /^[-+]?0[0-7_]+$/, resolve: text => parseInt(text.replace(/_/g, ''), 8) },
  { tag: 'tag:yaml.org,2002:bool', default: true, test: /^(?:y|Y|yes|Yes|YES|on|On|ON)$/, resolve: () => true },
  { tag: 'tag:yaml.org,2002:bool', default: true, test: /^(?:n|N|no|No|NO|off|Off|OFF)$/, resolve: () => false },
];

/** The documents of a text that is known to be YAML. Comments stay with the document that they stand before. */
export function splitDocuments(text: string): readonly Document[] {
  const [first, ...marked] = text.replace(/^\uFEFF/, '').split(/^---(?=\s|$)/m);
  // What follows a marker on its line is its comment.
  const parts = [first, ...marked.map(part => part.replace(/^[ \t]*(#[^\n]*)?\r?\n/, ''))];
  return parts.filter(part => part.trim() !== '').map(part => ({ text: part.endsWith('\n') ? part : `${part}\n`, value: valueOf(part) }));
}

/** Documents as YAML in their order, as `kubectl` reads it. */
export function joinDocuments(documents: readonly string[]): string {
  return documents.join('---\n');
}

/** An object with its fields in alphabetical order, as Kubernetes' own tools write it. */
export function writeDocument(value: unknown): string {
  return stringify(value, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
}


function valueOf(text: string): unknown {
  return parseDocument(text, { customTags: tags => [...OLDER, ...tags], logLevel: 'silent' }).toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
}
