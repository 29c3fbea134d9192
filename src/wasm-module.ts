import type * as kplus from 'cdk8s-plus-27';
import type { extensions } from '../imports';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';

/** When a module is fetched that may have changed under its name. */
export enum WasmPullPolicy {
  /** Where the proxy has none. */
  IF_NOT_PRESENT = 'IfNotPresent',
  /** Whenever the extension changes. */
  ALWAYS = 'Always',
}

/** Options of a module that is fetched by HTTP. */
export interface HttpWasmOptions {
  /**
   * SHA-256 of the module, 64 characters of a-f and 0-9: another is not run.
   * @default - whatever is there runs
   */
  readonly sha256?: string;
  /**
   * When it is fetched anew. Has no effect with `sha256`.
   * @default WasmPullPolicy.IF_NOT_PRESENT
   */
  readonly pull?: WasmPullPolicy;
}

/** Options of a module in an OCI image. */
export interface OciWasmOptions {
  /**
   * SHA-256 of the image, 64 characters of a-f and 0-9: another is not run.
   * @default - whatever the tag leads to runs
   */
  readonly sha256?: string;
  /**
   * When it is fetched anew. Has no effect with `sha256`.
   * @default - WasmPullPolicy.ALWAYS for the tag latest, else WasmPullPolicy.IF_NOT_PRESENT
   */
  readonly pull?: WasmPullPolicy;
  /**
   * Credentials for the registry: a Secret of Docker's kind in the namespace of the extension.
   * @default - none
   */
  readonly pullSecret?: kplus.ISecret;
}

/** A WebAssembly module, for `WasmExtension`. Renders `url` of a WasmPlugin and what belongs to it. */
export class WasmModule {
  /** A module in an OCI image: `registry.example/auth:1.0`, with `oci://` or without. Throws MESH_URL_INVALID, MESH_PLUGIN_INVALID. */
  public static oci(image: string, options: OciWasmOptions = {}): WasmModule {
    const name = image.replace(/^oci:\/\//, '');
    if (name === '' || /\s|:\/\//.test(name)) throw meshError(undefined, 'MESH_URL_INVALID', `an OCI image must be named REGISTRY/NAME:TAG, got "${image}"; write e.g. registry.example/filter:1.0`);
    const digest = /@sha256:(.*)$/.exec(name)?.[1];
    if (digest !== undefined) requireSha256(digest);
    if (digest !== undefined && options.sha256 !== undefined && digest !== options.sha256) {
      throw meshError(undefined, 'MESH_PLUGIN_INVALID', `sha256 must be that of the image's name, ${digest}, got "${options.sha256}"; leave it away`);
    }
    return new WasmModule({ url: `oci://${name}`, ...verified(options), imagePullSecret: options.pullSecret?.name });
  }

  /** A module that is fetched from an http or https URL. Throws MESH_URL_INVALID, MESH_PLUGIN_INVALID. */
  public static http(url: string, options: HttpWasmOptions = {}): WasmModule {
    if (!/^https?:\/\/[^\s/]+/.test(url)) throw meshError(undefined, 'MESH_URL_INVALID', `a module must be at an http or https URL, got "${url}"; write the whole URL`);
    return new WasmModule({ url, ...verified(options) });
  }

  /** A file in the proxy's container. Throws MESH_PATH_INVALID for a path that does not begin with `/`. */
  public static file(path: string): WasmModule {
    if (!path.startsWith('/')) throw meshError(undefined, 'MESH_PATH_INVALID', `the path of a module must begin with /, got "${path}"; write the whole path`);
    return new WasmModule({ url: `file://${path}` });
  }

  private constructor(private readonly spec: ModuleSpec) {}

  /** @internal */
  public _toKube(): ModuleSpec { return this.spec; }
}

guarded('WasmModule', WasmModule);

type ModuleSpec = Pick<extensions.WasmPluginSpec, 'url' | 'sha256' | 'imagePullPolicy' | 'imagePullSecret'>;

function verified({ sha256, pull }: HttpWasmOptions): Omit<ModuleSpec, 'url'> {
  return {
    sha256: sha256 === undefined ? undefined : requireSha256(sha256),
    imagePullPolicy: pull as string | undefined as extensions.WasmPluginSpecImagePullPolicy | undefined,
  };
}

function requireSha256(sha256: string): string {
  if (!/^[a-f0-9]{64}$/.test(sha256)) throw meshError(undefined, 'MESH_PLUGIN_INVALID', `sha256 must be 64 characters of a-f and 0-9, got "${sha256}"; copy what sha256sum prints`);
  return sha256;
}
