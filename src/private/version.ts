import type { ServiceAccount } from 'cdk8s-plus-27';
import type { MeshPort } from '../mesh-port';

/** What a version knows of its service. */
export interface MeshVersionService {
  readonly name: string;
  readonly namespace?: string;
  readonly ports: MeshPort[];
  readonly serviceAccount: ServiceAccount;
}
