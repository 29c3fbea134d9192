import { App, Chart } from 'cdk8s';
import {
  AccessAction, AccessOperation, AccessSource, AuthorizationRule, GatewayListener, JwtAuthentication, Mesh, MeshGateway, MeshPort, MeshService, MtlsMode, MtlsPolicy,
} from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

export const ISSUER = 'https://login.example';

/** Nobody calls anybody unless it says so here: edge → web → orders → ledger. */
export class ZeroTrust extends Chart {
  public readonly web: MeshService;
  public readonly orders: MeshService;
  public readonly ledger: MeshService;

  public constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'shop' }); // identities name their namespace, so it must be known
    new Mesh(this, 'mesh');
    this.web = this.service('web');
    this.orders = this.service('orders');
    this.ledger = this.service('ledger');
    const edge = new MeshGateway(this, 'edge', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] });
    this.web.exposeViaGateway(edge);

    // Plain text is not accepted, so that every caller has an identity.
    new MtlsPolicy(this, 'default', { mode: MtlsMode.STRICT });

    // Who may call whom. The first connection of a service closes it to everybody else, in both directions.
    this.web.connections.allowFromSource(AccessSource.principal('cluster.local/ns/shop/sa/edge'));
    this.web.connections.allowTo(this.orders);
    this.orders.connections.allowTo(this.ledger, { operations: [AccessOperation.http({ methods: ['GET', 'POST'], paths: ['/entries', '/entries/*'] })] });
    this.ledger.connections.isolate();

    // Callers outside sign in: without a token they get 403, with a bad one 401.
    new JwtAuthentication(this, 'sign-in', { service: this.web, issuer: ISSUER, jwks: '{"keys":[]}', audiences: ['shop'] });

    // DENY comes before every ALLOW: of the ledger's administration nothing is for the network.
    new AuthorizationRule(this, 'ledger-admin', {
      to: this.ledger, action: AccessAction.DENY, operations: [AccessOperation.http({ paths: ['/entries/admin', '/entries/admin/*'] })],
    });
    restricted(this);
  }

  private service(name: string): MeshService {
    const service = new MeshService(this, name, { ports: [MeshPort.http(8080)] });
    service.addVersion('v1', { containers: [{ image: `registry.example/${name}:1.0` }] });
    return service;
  }
}

if (require.main === module) {
  const app = new App();
  new ZeroTrust(app, 'zero-trust');
  app.synth();
}
