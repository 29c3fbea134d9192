import { Chart, type ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import { requireLabel } from './check';

/** Names the construct behind a rendered object, for tools that read only YAML. */
export const PATH_ANNOTATION = 'cdk8s-mesh.dev/path';

/** Metadata of an object that `owner` renders: the user's name unchanged, and where it came from. */
export function ownedMetadata(owner: Construct, name: string, namespace: string | undefined, labels?: Record<string, string>): ApiObjectMetadata {
  return { name, namespace, labels, annotations: { [PATH_ANNOTATION]: owner.node.path } };
}

/** The namespace of an object in `scope`: its own, else its chart's; undefined where whoever applies it decides. */
export function namespaceIn(scope: Construct, namespace?: string): string | undefined {
  return namespace === undefined ? Chart.of(scope).namespace : requireLabel(scope, 'namespace', namespace, 'give the name of a namespace');
}
