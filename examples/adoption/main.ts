import { App, Chart, Duration, Include } from 'cdk8s';
import { EgressPolicy, istio, Mesh, MeshPort, MeshService, type MeshVersion, MtlsMode, RetryOn, RetryPolicy, RouteTarget } from 'cdk8s-mesh';
import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** A cluster that has been there for years comes into the mesh: nothing is renamed, no selector changes, no Service is made anew. */
export class Adoption extends Chart {
  public readonly cart: MeshService;
  public readonly cartV1: MeshVersion;
  public readonly billing: MeshService;
  public readonly billingV3: MeshVersion;

  public constructor(scope: Construct, id: string) {
    super(scope, id);
    // Istio runs there already, for pods with mutual TLS and declared hosts only. Checks what was written by hand as well, and knows these settings.
    Mesh.fromExisting(this, 'mesh', { mtls: MtlsMode.STRICT, egress: EgressPolicy.REGISTRY_ONLY });

    // 1. A program that cdk8s-plus deploys already. These lines stay as they were ...
    const deployment = new kplus.Deployment(this, 'cart-deployment', {
      metadata: { name: 'cart' }, containers: [{ image: 'registry.example/cart:7.2', portNumber: 8080 }],
    });
    const service = new kplus.Service(this, 'cart-service', {
      metadata: { name: 'cart' }, selector: deployment, ports: [{ port: 80, targetPort: 8080, name: 'http' }],
    });
    // ... and these are new: its pods get the labels app and version, and it has routes and policies like any service of the mesh.
    this.cart = MeshService.fromService(this, 'cart', service, { ports: [MeshPort.http(80, { targetPort: 8080 })] });
    this.cartV1 = this.cart.addVersionFrom('v1', deployment);
    this.cart.addRoute('all', {
      timeout: Duration.seconds(5),
      retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR], { attempts: 2 }),
      targets: [RouteTarget.to(this.cartV1)],
    });

    // 2. Manifests by hand stay files, and join the mesh like any other.
    const { apiObjects } = new Include(this, 'billing', { url: 'examples/adoption/existing.yaml' });
    const byHand = (kind: string) => apiObjects.find((object) => object.kind === kind)!;
    this.billing = MeshService.fromService(this, 'billing-in-mesh', byHand('Service'), { ports: [MeshPort.http(80, { targetPort: 8080 })] });
    this.billingV3 = this.billing.addVersionFrom('v3', byHand('Deployment'));
    // 3. What the constructs have no word for is typed as Istio has it.
    new istio.networking.VirtualService(this, 'billing-routes', {
      metadata: { name: 'billing' },
      spec: { hosts: ['billing'], http: [{ name: 'all', timeout: '10s', route: [{ destination: { host: 'billing', subset: 'v3' } }] }] },
    });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  new Adoption(app, 'adoption');
  app.synth();
}
