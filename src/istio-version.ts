import { guarded } from './private/arguments';
import { meshError } from './private/errors';

/** A version of Istio that manifests are made for. */
export class IstioVersion {
  /** Istio 1.31. */
  public static readonly V1_31 = new IstioVersion(1, 31);
  /** Another version, e.g. `1.29`; a patch number is ignored. Throws MESH_ISTIO_VERSION before 1.22, the first that serves `networking.istio.io/v1`. */
  public static of(version: string): IstioVersion {
    const parts = /^(\d+)\.(\d+)(\.\d+)?$/.exec(version);
    const [major, minor] = [Number(parts?.[1]), Number(parts?.[2])];
    if (parts === null || major !== 1 || minor < 22) {
      throw meshError(undefined, 'MESH_ISTIO_VERSION', `istioVersion must be 1.22 or a later 1.x, which serve networking.istio.io/v1, got "${version}"; choose a version that IstioVersion has`);
    }
    return new IstioVersion(major, minor);
  }

  private constructor(/** First number, always 1. */ public readonly major: number, /** Second number, e.g. 31. */ public readonly minor: number) {}
}

guarded('IstioVersion', IstioVersion);
