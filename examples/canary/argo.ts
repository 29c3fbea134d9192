import { App, Chart, Duration } from 'cdk8s';
import { CanaryAnalysis, CanaryRollout, CanaryStep, Mesh, MeshPort, MeshService, type MeshVersion, RolloutEngine } from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** The same with Argo Rollouts, which goes from step to step, and back by itself where too many requests fail. */
export class ArgoCanary extends Chart {
  public readonly front: MeshService;
  public readonly reviews: MeshService;
  public readonly v1: MeshVersion;
  public readonly v2: MeshVersion;
  public readonly rollout: CanaryRollout;

  public constructor(scope: Construct, id: string) {
    super(scope, id);
    new Mesh(this, 'mesh', { syncWaves: true }); // tells Argo CD the order too

    this.front = new MeshService(this, 'front', { ports: [MeshPort.http(8080)] });
    this.front.addVersion('v1', { containers: [{ image: 'registry.example/front:1.0' }] });

    this.reviews = new MeshService(this, 'reviews', { ports: [MeshPort.http(9080)] });
    this.v1 = this.reviews.addVersion('v1', { containers: [{ image: 'registry.example/reviews:1.8' }], replicas: 10 });
    this.v2 = this.reviews.addVersion('v2', { containers: [{ image: 'registry.example/reviews:2.0' }], replicas: 10 });

    this.rollout = new CanaryRollout(this, 'reviews-v2', {
      service: this.reviews,
      stable: this.v1, // what runs now; with the next version this is v2, and canary v3
      canary: this.v2,
      steps: [
        CanaryStep.cookie('beta', 'on'), // testers set it in their browser
        CanaryStep.mirror({ percent: 20 }), // real requests, answers that nobody sees
        CanaryStep.pause(), // until `cdk8s-mesh rollout promote reviews`
        CanaryStep.weight(5),
        CanaryStep.pause(Duration.minutes(10)),
        CanaryStep.weight(30),
        CanaryStep.pause(Duration.minutes(30)),
        CanaryStep.weight(100),
      ],
      engine: RolloutEngine.argo({
        analysis: CanaryAnalysis.successRate({ prometheus: 'http://prometheus.istio-system:9090', atLeast: 99.5 }),
        canaryReplicas: 2,
      }),
    });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  const { rollout } = new ArgoCanary(app, 'canary');
  app.synth();
  // for spec.ignoreDifferences of the Application of Argo CD
  process.stderr.write(`${JSON.stringify(rollout.ignoreDifferences, undefined, 2)}\n`);
}
