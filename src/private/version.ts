import type { ServiceAccount } from 'cdk8s-plus-27';
import type { MeshPort } from '../mesh-port';
import type { TrafficPolicyProps } from '../traffic-policy';

/** What a version knows of its service. */
export interface MeshVersionService {
  readonly name: string;
  readonly namespace?: string;
  /** Labels that the pods of all versions carry. */
  readonly podLabels: { readonly [name: string]: string };
  readonly ports: MeshPort[];
  readonly traffic?: TrafficPolicyProps;
  readonly serviceAccount: ServiceAccount;
}
