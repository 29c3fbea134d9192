import { App, Chart } from 'cdk8s';
import { GatewayListener, GatewayTls, Mesh, MeshGateway, MeshPort, MeshService, RouteTarget, TlsMatch, TlsVersion, VirtualHost } from 'cdk8s-mesh';
import { Secret } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** One door with every kind of TLS. The Secrets are in the gateway's namespace already, from cert-manager for instance. */
export class Gateways extends Chart {
  public readonly shop: MeshService;
  public readonly partners: MeshService;
  public readonly vault: MeshService;

  public constructor(scope: Construct, id: string) {
    super(scope, id);
    new Mesh(this, 'mesh');
    this.shop = this.service('shop', MeshPort.http(8080));
    this.partners = this.service('partners', MeshPort.http(8080));
    this.vault = this.service('vault', MeshPort.tls(8443)); // ends TLS by itself

    const gateway = new MeshGateway(this, 'edge', {
      listeners: [
        // Browsers that come by plain HTTP are sent to HTTPS.
        GatewayListener.http({ hosts: ['shop.example'], httpsRedirect: true }),
        // Keys tls.crt and tls.key.
        GatewayListener.https({ hosts: ['shop.example'], tls: GatewayTls.simple(Secret.fromSecretName(this, 'shop-cert', 'shop-cert'), { minVersion: TlsVersion.V1_3 }) }),
        // And ca.crt: callers must show a certificate of that authority, in one of these names.
        GatewayListener.https({
          hosts: ['partners.example'],
          tls: GatewayTls.mutual(Secret.fromSecretName(this, 'partners-cert', 'partners-cert'), { subjectAltNames: ['bakery.example', 'dairy.example'] }),
        }),
        // Bytes that the gateway cannot read; the name in the handshake says where they go.
        GatewayListener.tls({ hosts: ['vault.example'], tls: GatewayTls.passthrough() }),
      ],
    });
    this.shop.exposeViaGateway(gateway, { hosts: ['shop.example'] });
    this.partners.exposeViaGateway(gateway, { hosts: ['partners.example'] });
    new VirtualHost(this, 'vault-host', { hosts: ['vault.example'], gateways: [gateway] })
      .addTlsRoute('vault', { match: [TlsMatch.sni(['vault.example'])], targets: [RouteTarget.to(this.vault)] });
    restricted(this);
  }

  private service(name: string, port: MeshPort): MeshService {
    const service = new MeshService(this, name, { ports: [port] });
    service.addVersion('v1', { containers: [{ image: `registry.example/${name}:1.0` }] });
    return service;
  }
}

if (require.main === module) {
  const app = new App();
  new Gateways(app, 'gateways');
  app.synth();
}
