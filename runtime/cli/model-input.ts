import { readWholeInput } from './input';
import type { Io } from './io';
import { refused } from './refused';
import type { Compiler } from '../../src/compiler/compiler';
import { createCompiler } from '../../src/compiler/compiler';
import { MeshError } from '../../src/model/error';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import type { Resource } from '../../src/model/resource';
import { InputError } from '../control-plane/sources/source';

/** A mesh read from DIRs, ready to be asked about its proxies. */
export interface Mesh {
  readonly model: Model;
  /** What it was built from, added gateways included. */
  readonly resources: readonly Resource[];
  readonly compiler: Compiler;
}

/**
 * Reads DIRs into a compiler. Gateways without a workload get one, and the user is told. Throws an `InputError` with all that is wrong
 * with the input or cannot be compiled. `told` has what the user was told before.
 */
export function readMesh(paths: readonly string[], io: Io, told = new Set<string>()): Mesh {
  const { resources, added } = withGatewayWorkloads(readWholeInput(paths, io).resources);
  const model = built(resources);
  const errors = refused(model);
  if (errors.length > 0) throw new InputError(errors);
  for (const name of added.filter(each => !told.has(each))) io.stderr.write(`note: added ${name}, as no workload carries the labels that a Gateway selects\n`);
  for (const name of added) told.add(name);
  return { model, resources, compiler: createCompiler(model) };
}

function built(resources: readonly Resource[]): Model {
  try {
    return buildModel(resources);
  } catch (error) {
    throw error instanceof MeshError ? new InputError([error]) : error;
  }
}
