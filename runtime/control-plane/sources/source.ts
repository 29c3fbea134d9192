import type { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';

/** Where a source tells of changes. */
export interface SourceSink {
  readonly model: (model: Model) => void;
  /** The input cannot be used as it stands; the last model stays valid. */
  readonly rejected: (errors: readonly MeshError[]) => void;
}

/** Something that has a model now and may have another one later. */
export interface Source {
  /** Resolves with the first model; rejects with an `InputError` where there is none to begin with. */
  start(sink: SourceSink): Promise<Model>;
  close(): Promise<void>;
}

/** All that is wrong with an input. */
export class InputError extends Error {
  public constructor(public readonly errors: readonly MeshError[]) {
    super(errors.map(error => error.message).join('\n'));
    this.name = 'InputError';
  }
}
