import type { Json } from '../../model/json';
import type { Attachment } from '../scope/attachment';

/** What traffic an extension is about. */
export interface TrafficSelector { readonly mode?: string; readonly ports?: readonly { readonly number?: number }[] }

/** Where an extension stands among the filters. */
export interface PluginSpec extends Attachment, WasmSpec {
  readonly phase?: string;
  readonly priority?: number;
  readonly match?: readonly TrafficSelector[];
}

/** A module and how it is run: a WasmPlugin's own fields, or the `wasm` of a TrafficExtension. */
export interface WasmSpec {
  readonly url?: string;
  readonly sha256?: string;
  readonly imagePullPolicy?: string;
  readonly imagePullSecret?: string;
  readonly pluginConfig?: Json;
  readonly pluginName?: string;
  readonly failStrategy?: string;
  readonly vmConfig?: { readonly env?: readonly { readonly name?: string; readonly value?: string; readonly valueFrom?: string }[] };
  readonly type?: string;
}
