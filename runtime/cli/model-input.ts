import { readWholeInput } from './input';
import type { Io } from './io';
import { refused } from './refused';
import type { Compiler } from '../../src/compiler/compiler';
import { createCompiler } from '../../src/compiler/compiler';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';

/** A mesh read from DIRs, ready to be asked about its proxies. */
export interface Mesh {
  readonly model: Model;
  /** Absent where some of the input cannot be compiled; each such thing was named on stderr. */
  readonly compiler: Compiler | undefined;
}

/** Reads DIRs into a compiler. Gateways without a workload get one, and the user is told. */
export function readMesh(paths: readonly string[], io: Io): Mesh {
  const { resources, added } = withGatewayWorkloads(readWholeInput(paths, io).resources);
  for (const name of added) io.stderr.write(`note: added ${name}, as no workload carries the labels that a Gateway selects\n`);
  const model = buildModel(resources);
  const errors = refused(model);
  for (const error of errors) io.stderr.write(`${error.message}\n`);
  return { model, compiler: errors.length > 0 ? undefined : createCompiler(model) };
}
