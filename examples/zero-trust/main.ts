import { App, Chart } from 'cdk8s';
import {
  AccessAction, AccessOperation, AccessSource, AuthorizationRule, GatewayListener, JwtAuthentication, Mesh, MeshGateway, MeshPort, MeshService,
  MtlsMode, MtlsPolicy,
} from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

export const ISSUER = 'https://login.example';
/** The issuer's public keys. Give `jwksUri` in their place to have Istio fetch them. */
const KEYS = {
  keys: [{
    kid: '2026',
    use: 'sig',
    alg: 'ES256',
    kty: 'EC',
    crv: 'P-256',
    x: 'xpI-TVAY-KDOXnfkl_G2U0wN7DEKLuw_LPUPdMdieqo',
    y: 'X2NCDZpr7gPjR6W5GQj8cVpr6-iFb-xzzyq8PBYqVgw',
  }],
};

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
    // Customers come through the gateway and with a token: 403 without one. A bad token is 401, whoever brings it.
    this.web.connections.allowFromSource(AccessSource.of({ principals: ['cluster.local/ns/shop/sa/edge'], requestPrincipals: [`${ISSUER}/*`] }));
    new JwtAuthentication(this, 'sign-in', { service: this.web, issuer: ISSUER, jwks: JSON.stringify(KEYS), audiences: ['shop'], required: false });
    this.web.connections.allowTo(this.orders);
    this.orders.connections.allowTo(this.ledger, { operations: [AccessOperation.http({ methods: ['GET', 'POST'], paths: ['/entries', '/entries/*'] })] });
    this.ledger.connections.isolate();

    // DENY comes before every ALLOW: of the ledger's administration nothing is for the network.
    new AuthorizationRule(this, 'ledger-admin', {
      to: this.ledger, action: AccessAction.DENY, operations: [AccessOperation.http({ ports: [8080], paths: ['/entries/admin', '/entries/admin/*'] })],
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
