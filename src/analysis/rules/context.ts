import type { Model } from '../../model/model';
import type { Resource } from '../../model/resource';
import type { Fault, Finding, Path } from '../finding';
import { findingAt } from '../finding';
import { MeshIndex } from './mesh-index';

/** What a rule family is given: the model to look at, and where to report. */
export interface Context {
  readonly model: Model;
  /** Resources of a kind whose fields have the types of the schema; others would make every rule guess. */
  readonly sound: <S>(kind: string) => readonly Resource<S>[];
  /** Tables over the whole mesh, made when first asked for. */
  readonly index: MeshIndex;
  readonly report: (resource: Resource<unknown>, path: Path, fault: Fault) => void;
}

/** Reports on one resource, in the words of istiod's admission. */
export interface Reporter {
  /** What admission refuses: error IST0106. */
  readonly invalid: (path: Path, code: string, message: string, repair: string) => void;
  /** What admission or an analyzer warns of; IST0133 unless another code is named. */
  readonly doubtful: (path: Path, code: string, message: string, repair: string, istioCode?: string) => void;
  readonly say: (path: Path, fault: Fault) => void;
}

export function reporter(context: Pick<Context, 'report'>, resource: Resource<unknown>): Reporter {
  return {
    invalid: (path, code, message, repair) => context.report(resource, path, invalid(code, message, repair)),
    doubtful: (path, code, message, repair, istioCode) => context.report(resource, path, doubtful(code, message, repair, istioCode)),
    say: (path, fault) => context.report(resource, path, fault),
  };
}

/** Rules that belong together, one file each. */
export type RuleFamily = (context: Context) => void;

/** A context that collects into `findings`. */
export function contextOf(model: Model, unsound: ReadonlySet<Resource>, findings: Finding[]): Context {
  return {
    model,
    index: new MeshIndex(model),
    sound: <S>(kind: string) => model.of(kind).filter(resource => !unsound.has(resource)) as unknown as readonly Resource<S>[],
    report: (resource, path, fault) => { findings.push(findingAt(resource as Resource, path, fault)); },
  };
}

/** What istiod's admission refuses: error IST0106. */
export const invalid = (code: string, message: string, repair: string): Fault => ({ code, istioCode: 'IST0106', message, repair });

/** What istiod's admission warns of: IST0133. */
export const doubtful = (code: string, message: string, repair: string, istioCode = 'IST0133'): Fault => ({ code, istioCode, severity: 'warning', message, repair });
