import type { Finding } from './finding';
import { findingAt } from './finding';
import { groupOf } from '../model/kinds';
import type { Resource } from '../model/resource';

/** Objects that are written twice and not alike: of which one counts depends on who applies them in which order. */
export function duplicates(resources: readonly Resource[]): Finding[] {
  const known = new Map<string, Resource>();
  const findings: Finding[] = [];
  for (const resource of resources) {
    const { namespace, name } = resource.metadata;
    const key = `${groupOf(resource.apiVersion)}/${resource.kind}/${namespace}/${name}`;
    const first = known.get(key);
    if (first === undefined) {
      known.set(key, resource);
    } else if (!alike(first, resource)) {
      const { file, line } = first.origin;
      const other = file === undefined ? 'with other content' : `with other content at ${file}:${line ?? 1}`;
      findings.push(findingAt(resource, [], {
        code: 'MESH_OBJECT_DUPLICATE',
        severity: 'info',
        message: `an object is declared once, got it also ${other}; one replaces the other`,
        repair: 'remove one of the two, or rename it',
      }));
    }
  }
  return findings;
}

function alike({ document: a }: Resource, { document: b }: Resource): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
