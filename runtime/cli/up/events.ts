import type { RequestLine } from './access-format';
import type { GatewayUrl } from './gateway';

/** What stands for a workload on this machine. */
export type Application = 'command' | 'stand-in' | 'none';

/** A workload that runs, with its proxy. */
export interface RunningWorkload {
  /** `productpage-v1.default`. */
  readonly name: string;
  /** Address of the Pod, where its proxy answers. */
  readonly ip: string;
  /** Ports that others dial, and where the application listens for them. */
  readonly ports: Readonly<Record<number, number>>;
  /** Where its proxy listens for such a port, if it does. */
  readonly listenPorts: Readonly<Record<number, number>>;
  /** Ports of its containers that its proxy does not listen for, since no Service leads to them. */
  readonly silent: readonly number[];
  readonly application: Application;
  readonly admin: string;
}

/** What `up` tells while it runs. */
export type UpEvent =
  /** Something the user should know and need not repair. */
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'workload'; readonly workload: RunningWorkload }
  | { readonly kind: 'ready'; readonly gateways: readonly GatewayUrl[]; readonly milliseconds: number }
  /** `direct`: it was sent to the workload's address, so the workload's own proxy saw it first. */
  | { readonly kind: 'request'; readonly request: RequestLine; readonly target: string; readonly direct?: true }
  /** A line that a command printed. */
  | { readonly kind: 'output'; readonly workload: string; readonly line: string }
  /** Changed files cannot be used; the last good state keeps serving. */
  | { readonly kind: 'rejected'; readonly errors: readonly string[] }
  /** Changed files are served. */
  | { readonly kind: 'changed' }
  /** Something that ran ended or failed. */
  | { readonly kind: 'failed'; readonly name: string; readonly reason: string };
