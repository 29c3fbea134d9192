import { ABSENT, COMPARED, OLDER } from './generated/since';
import { groupOf } from '../../model/kinds';
import type { Resource } from '../../model/resource';
import { compare } from '../../model/resource';
import type { Finding, Path } from '../finding';
import { findingAt } from '../finding';

/** What the target lacks, by kind: where resources say something that a later release of Istio 1 is the first to know. */
export function absentIn(minor: number, resources: readonly Resource[]): Finding[] {
  if (minor >= COMPARED) return [];
  // A release that was not looked at is judged by the one before it.
  const judged = OLDER.filter(older => older <= minor).at(-1) ?? OLDER[0];
  return resources.flatMap((resource) => {
    const table = ABSENT[`${groupOf(resource.apiVersion)}/${resource.kind}`];
    return table === undefined ? [] : new Walk(resource, table, minor, judged).run();
  });
}

class Walk {
  private readonly findings: Finding[] = [];

  public constructor(
    private readonly resource: Resource, private readonly table: Readonly<Record<string, number>>,
    private readonly minor: number, private readonly judged: number,
  ) {}

  public run(): Finding[] {
    const { apiVersion, kind, document } = this.resource;
    if (this.lacks([''], [], kind) || this.lacks([`@${apiVersion.split('/')[1]}`], ['apiVersion'], apiVersion)) return this.findings;
    this.walk(document.spec, ['spec'], ['spec']);
    return this.findings;
  }

  /** `names` are what the table may call this place: a key can be that of a field or of a map. */
  private walk(value: unknown, names: readonly string[], path: Path): void {
    if (typeof value === 'string') {
      this.lacks(names.map(name => `${name}=${value}`), path, `the value ${value}`);
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => this.walk(item, names.map(name => `${name}[]`), [...path, index]));
    } else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value).sort(compare)) {
        const own = names.flatMap(name => [`${name}.${key}`, `${name}{}`]);
        if (!this.lacks(own, [...path, key], 'a field')) this.walk((value as Record<string, unknown>)[key], own, [...path, key]);
      }
    }
  }

  private lacks(names: readonly string[], path: Path, what: string): boolean {
    const last = names.map(name => this.table[name]).find(minor => minor !== undefined && minor >= this.judged);
    if (last === undefined) return false;
    this.findings.push(findingAt(this.resource, path, {
      code: 'MESH_ISTIO_VERSION',
      message: `must be known to the target, Istio 1.${this.minor}, got ${what} that came after 1.${last}`,
      repair: 'leave it away, or raise istioVersion of the Mesh',
    }));
    return true;
  }
}
