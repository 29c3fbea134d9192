import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';

const ANNOTATION = 'argocd.argoproj.io/sync-wave';

/** Pods and addresses first, then the subsets and doors that name them, then the routes that lead there. */
const WAVES: Readonly<Record<string, string>> = { DestinationRule: '1', Gateway: '1', VirtualService: '2' };

/** Says in what order Argo CD is to apply what stands below a construct. What has a wave already keeps it. */
export function addSyncWaves(root: IConstruct): void {
  // All objects are there only when the tree is validated, which comes before it is rendered.
  root.node.addValidation({
    validate: () => {
      for (const object of root.node.findAll().filter((construct): construct is ApiObject => ApiObject.isApiObject(construct))) {
        const wave = object.apiGroup === 'networking.istio.io' ? WAVES[object.kind] : undefined;
        if (wave !== undefined && object.metadata.toJson().annotations?.[ANNOTATION] === undefined) object.metadata.addAnnotation(ANNOTATION, wave);
      }
      return [];
    },
  });
}
