import { App, Chart, Duration } from 'cdk8s';
import { EastWestGateway, Locality, Mesh, MeshPort, MeshService, RemoteSecret } from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** What one cluster must know of itself and of the other. */
export interface ClusterOptions {
  readonly network: string;
  readonly other: { readonly name: string; readonly server: string; readonly authority: string; readonly token: string };
}

const CA = '-----BEGIN CERTIFICATE-----\nof the other API server\n-----END CERTIFICATE-----\n';

/** Of `istioctl create-remote-secret`, by the environment of your pipeline: neither belongs in a repository. */
const EAST = { name: 'east', server: 'https://10.1.0.1:6443', authority: process.env.EAST_CA ?? CA, token: process.env.EAST_TOKEN ?? 'token' };
const WEST = { name: 'west', server: 'https://10.2.0.1:6443', authority: process.env.WEST_CA ?? CA, token: process.env.WEST_TOKEN ?? 'token' };

/** One of two clusters of one mesh, on networks that do not reach each other. The same code for both. */
export class Cluster extends Chart {
  public readonly shop: MeshService;
  public readonly orders: MeshService;
  public readonly door: EastWestGateway;

  public constructor(scope: Construct, id: string, { network, other }: ClusterOptions = { network: 'network-east', other: WEST }) {
    super(scope, id, { namespace: 'shop' }); // namespaces are the same in both: that makes two Services one
    new Mesh(this, 'mesh');

    // istiod here reads Services and endpoints over there.
    new RemoteSecret(this, 'remote', { cluster: other.name, server: other.server, authority: other.authority, token: other.token });

    // Requests from over there come in here, as mutual TLS that is passed on unopened. The namespace istio-system needs the label
    // topology.istio.io/network with the same value, which comes with the installation.
    this.door = new EastWestGateway(this, 'istio-eastwestgateway', { network, namespace: 'istio-system' });

    this.shop = new MeshService(this, 'shop', { ports: [MeshPort.http(8080)] });
    this.shop.addVersion('v1', { containers: [{ image: 'registry.example/shop:1.0' }] });

    // The own cluster answers; where its pods fail, the other one does.
    this.orders = new MeshService(this, 'orders', {
      ports: [MeshPort.http(8080)],
      traffic: {
        locality: Locality.nearestFirst(),
        outlierDetection: { consecutive5xxErrors: 3, interval: Duration.seconds(10), baseEjectionTime: Duration.minutes(1) },
      },
    });
    this.orders.addVersion('v1', { containers: [{ image: 'registry.example/orders:1.0' }] });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  new Cluster(app, 'east', { network: 'network-east', other: WEST });
  new Cluster(app, 'west', { network: 'network-west', other: EAST });
  app.synth();
}
