import type { IConstruct } from 'constructs';

/** Workloads that a policy is about, and as which they call others: a `MeshService`, for one. */
export interface IPolicyTarget extends IConstruct {
  /** Labels that all of its pods carry. */
  readonly podLabels: { [name: string]: string };
  /** Namespace of the pods; undefined where it is not known before they are applied. */
  readonly namespace?: string;
  /** Names of the ServiceAccounts that the pods run as: their identities. Empty where none is known. */
  readonly serviceAccountNames: string[];
}
