import { App, Chart, Duration } from 'cdk8s';
import { CanaryRollout, CanaryStep, Mesh, MeshPort, MeshService, type MeshVersion, Stickiness } from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** Step that is applied. To go on, raise it and apply again; `git log` is the history of the rollout. */
const AT = 3;

/** Version 2 of `reviews` takes over step by step: testers first, then copies, then a growing share of everybody. `argo.ts` has Argo do it. */
export class Canary extends Chart {
  public readonly front: MeshService;
  public readonly reviews: MeshService;
  public readonly v1: MeshVersion;
  public readonly v2: MeshVersion;
  public readonly rollout: CanaryRollout;

  public constructor(scope: Construct, id: string, at: number = AT) {
    super(scope, id);
    new Mesh(this, 'mesh'); // checks at synthesis that all of this works together

    this.front = new MeshService(this, 'front', { ports: [MeshPort.http(8080)] });
    this.front.addVersion('v1', { containers: [{ image: 'registry.example/front:1.0' }] });

    this.reviews = new MeshService(this, 'reviews', { ports: [MeshPort.http(9080)] });
    this.v1 = this.reviews.addVersion('v1', { containers: [{ image: 'registry.example/reviews:1.8' }] });
    this.v2 = this.reviews.addVersion('v2', { containers: [{ image: 'registry.example/reviews:2.0' }] });

    this.rollout = new CanaryRollout(this, 'reviews-v2', {
      service: this.reviews,
      stable: this.v1,
      canary: this.v2,
      steps: [
        CanaryStep.cookie('beta', 'on'), // 0: testers set it in their browser
        CanaryStep.mirror({ percent: 20 }), // 1: real requests, answers that nobody sees
        CanaryStep.weight(5), // 2
        CanaryStep.weight(30), // 3
        CanaryStep.pause(Duration.minutes(30)), // 4: time to look at dashboards
        CanaryStep.weight(100), // 5
      ],
      at,
      // Who saw the new version once stays with it for an hour, and does not flicker between the two.
      stickiness: Stickiness.cookie('canary', { ttl: Duration.hours(1) }),
    });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  new Canary(app, 'canary');
  app.synth();
}
