import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';

const ANNOTATION = 'argocd.argoproj.io/sync-wave';

/** Pods and addresses first, then the subsets and doors that name them, then the routes that lead there; last who writes to them, which takes as long as it is held. */
const WAVES: Readonly<Record<string, string>> = {
  'networking.istio.io/DestinationRule': '1', 'networking.istio.io/Gateway': '1', 'networking.istio.io/VirtualService': '2', 'argoproj.io/Rollout': '3',
};

/** Says in what order Argo CD is to apply what stands below a construct. What has a wave already keeps it. */
export function addSyncWaves(root: IConstruct): void {
  // All objects are there only when the tree is validated, which comes before it is rendered.
  root.node.addValidation({
    validate: () => {
      for (const object of root.node.findAll().filter((construct): construct is ApiObject => ApiObject.isApiObject(construct))) {
        const wave = WAVES[`${object.apiGroup}/${object.kind}`];
        if (wave !== undefined && object.metadata.toJson().annotations?.[ANNOTATION] === undefined) object.metadata.addAnnotation(ANNOTATION, wave);
      }
      return [];
    },
  });
}
