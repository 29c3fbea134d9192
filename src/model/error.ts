/**
 * An error for people: where, which rule, what was received, how to repair it.
 * Its text is `[where] CODE: rule, got value; repair`.
 */
export class MeshError extends Error {
  public constructor(
    /** Code from the registry in `codes.ts`. */ public readonly code: string,
    /** The rule that was broken, the value received and the repair: `rule, got value; repair`. */ public readonly rule: string,
    /** A construct path, `file:line`, or `Kind/namespace/name`. */ public readonly where?: string,
  ) {
    super(where === undefined ? `${code}: ${rule}` : `[${where}] ${code}: ${rule}`);
    this.name = 'MeshError';
  }
}
