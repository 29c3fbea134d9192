import type { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import type { Proxy } from '../../../src/model/proxy';

/** One proxy to run. */
export interface ProxySpec {
  /** `productpage-v1.default`. */
  readonly name: string;
  readonly proxy: Proxy;
  readonly admin: { readonly host: string; readonly port: number };
  readonly xds: { readonly host: string; readonly port: number };
  /** Takes each line of its access log. */
  readonly onAccessLine: (line: string) => void;
  /** The proxy ended though nobody asked it to. */
  readonly onFailure: (reason: string) => void;
}

/** A proxy that runs. */
export interface RunningProxy {
  /** Resolves once it serves what it was sent first. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** An engine that runs proxies: the reference proxy in this process, or real Envoy in processes of its own. */
export interface DataPlane {
  readonly name: 'reference' | 'envoy';
  /** MeshConfig that this engine needs. */
  readonly meshConfig: Readonly<Record<string, unknown>>;
  /** What of the input it cannot run. */
  readonly refusals: (model: Model) => readonly MeshError[];
  start(spec: ProxySpec): Promise<RunningProxy>;
}
