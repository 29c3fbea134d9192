import { ApiObject, type Chart, JsonPatch } from 'cdk8s';
import { Deployment } from 'cdk8s-plus-27';

/** What the restricted pod security standard asks of pods beyond what cdk8s-plus does anyway, and which version 27 has no words for. */
export function restricted(chart: Chart): void {
  for (const construct of chart.node.findAll()) {
    if (!(construct instanceof Deployment)) continue;
    ApiObject.of(construct).addJsonPatch(
      JsonPatch.add('/spec/template/spec/securityContext/seccompProfile', { type: 'RuntimeDefault' }),
      JsonPatch.add('/spec/template/spec/containers/0/securityContext/capabilities', { drop: ['ALL'] }),
    );
  }
}
