import type { IConstruct } from 'constructs';
import { MeshError } from '../model/error';

/** An error at a construct: `[construct/path] CODE: rule, got value; repair`. Value objects, which stand nowhere yet, pass no scope. */
export function meshError(scope: IConstruct | undefined, code: string, rule: string): MeshError {
  return new MeshError(code, rule, scope?.node.path);
}

/** The text of a finding for `node.addValidation`, where cdk8s itself puts the construct's path in front. */
export function finding(code: string, rule: string): string {
  return `${code}: ${rule}`;
}
