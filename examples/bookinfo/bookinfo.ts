import { ApiObject, Chart, type ChartProps, JsonPatch, Size } from 'cdk8s';
import { GatewayListener, GatewayWorkload, HeaderMatch, Mesh, MeshGateway, MeshPort, MeshService, type MeshVersion, PathMatch, RouteMatch } from 'cdk8s-mesh';
import { Cpu, type EnvValue } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';

/** What runs on a cluster. `npm start` runs the programs in `services/` in their place. */
const image = (name: string) => `registry.istio.io/release/examples-bookinfo-${name}:1.20.3`;

/** Requests that productpage sends on behalf of a signed-in user. */
export const sentFor = (user: string) => RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', user)] });

/**
 * An online bookshop of four services: `productpage` asks `details` and `reviews`; `reviews` comes in three versions, of which
 * v2 (black stars) and v3 (red stars) ask `ratings`. The gateway lets the paths of the product page in. No routes yet: see tour.ts.
 */
export class Bookinfo extends Chart {
  public readonly productpage: MeshService;
  public readonly details: MeshService;
  public readonly reviews: MeshService;
  public readonly ratings: MeshService;
  public readonly productpageV1: MeshVersion;
  public readonly detailsV1: MeshVersion;
  public readonly reviewsV1: MeshVersion;
  public readonly reviewsV2: MeshVersion;
  public readonly reviewsV3: MeshVersion;
  public readonly ratingsV1: MeshVersion;
  public readonly gateway: MeshGateway;

  public constructor(scope: Construct, id: string, props: ChartProps = {}) {
    super(scope, id, props);
    new Mesh(this, 'mesh');
    this.productpage = this.service('productpage');
    this.details = this.service('details');
    this.reviews = this.service('reviews');
    this.ratings = this.service('ratings');

    this.productpageV1 = this.version(this.productpage, 'v1');
    this.detailsV1 = this.version(this.details, 'v1');
    this.reviewsV1 = this.version(this.reviews, 'v1');
    this.reviewsV2 = this.version(this.reviews, 'v2');
    this.reviewsV3 = this.version(this.reviews, 'v3');
    this.ratingsV1 = this.version(this.ratings, 'v1');

    this.gateway = new MeshGateway(this, 'bookinfo-gateway', {
      listeners: [GatewayListener.http({ port: 80, hosts: ['*'] })],
      workload: GatewayWorkload.existing({ istio: 'ingressgateway' }),
    });
    this.productpage.exposeViaGateway(this.gateway, {
      match: [
        RouteMatch.http({ path: PathMatch.exactly('/productpage') }),
        RouteMatch.http({ path: PathMatch.startsWith('/static') }),
        RouteMatch.http({ path: PathMatch.exactly('/login') }),
        RouteMatch.http({ path: PathMatch.exactly('/logout') }),
        RouteMatch.http({ path: PathMatch.startsWith('/api/v1/products') }),
      ],
    });
  }

  private service(name: string): MeshService {
    return new MeshService(this, name, { ports: [MeshPort.http(9080)] });
  }

  protected version(service: MeshService, version: string, envVariables: Record<string, EnvValue> = {}): MeshVersion {
    const deployed = service.addVersion(version, {
      replicas: 1,
      containers: [{
        image: image(`${service.name}-${version}`),
        envVariables,
        resources: { cpu: { request: Cpu.millis(50) }, memory: { request: Size.mebibytes(128) } },
        securityContext: { readOnlyRootFilesystem: false }, // these images write below /tmp and /opt
      }],
    });
    // The restricted pod security standard asks for these two, which cdk8s-plus 27 has no words for.
    ApiObject.of(deployed.workload).addJsonPatch(
      JsonPatch.add('/spec/template/spec/securityContext/seccompProfile', { type: 'RuntimeDefault' }),
      JsonPatch.add('/spec/template/spec/containers/0/securityContext/capabilities', { drop: ['ALL'] }),
    );
    return deployed;
  }
}
