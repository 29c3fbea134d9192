import { Testing, type Chart } from 'cdk8s';

/** The one object of a kind (and name) that a chart renders. */
export function only(chart: Chart, kind: string, name?: string): any {
  const found = all(chart, kind).filter((object) => name === undefined || object.metadata.name === name);
  expect(found.map((object) => object.metadata.name)).toHaveLength(1);
  return found[0];
}

/** All objects of a kind that a chart renders. */
export function all(chart: Chart, kind: string): any[] {
  return Testing.synth(chart).filter((object) => object.kind === kind);
}

/** What fails when a chart is synthesized, one line per finding. */
export function failures(chart: Chart): string[] {
  try {
    Testing.synth(chart);
    return [];
  } catch (error) {
    const [head, ...lines] = (error as Error).message.split('\n');
    expect(head).toBe('Validation failed with the following errors:');
    return lines.map((line) => line.trim());
  }
}
