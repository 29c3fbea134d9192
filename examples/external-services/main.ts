import { App, Chart, Duration } from 'cdk8s';
import { TlsOrigination, EgressGateway, EgressPolicy, ExternalService, Mesh, MeshPort, MeshService, Resolution, RetryOn, RetryPolicy, RouteTarget, SidecarScope, VirtualHost } from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** The authorities that proxies trust, where Istio's image has them. Istio warns where none are named. */
const TLS = TlsOrigination.simple({ caCertificates: '/etc/ssl/certs/ca-certificates.crt' });

/** Hosts outside the mesh: the four ways to them, and nothing else that can be reached. */
export class ExternalServices extends Chart {
  public readonly orders: MeshService;
  public readonly rates: ExternalService;
  public readonly payments: ExternalService;
  public readonly storage: ExternalService;
  public readonly mainframe: ExternalService;
  public readonly egress: EgressGateway;

  public constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'default' });
    new Mesh(this, 'mesh');
    this.orders = new MeshService(this, 'orders', { ports: [MeshPort.http(8080)] });
    this.orders.addVersion('v1', { containers: [{ image: 'registry.example/orders:1.0' }] });

    // The application asks http://rates.example; its sidecar makes TLS of it, so that routes, retries and metrics see the requests.
    this.rates = new ExternalService(this, 'rates', { hosts: ['rates.example'], ports: [MeshPort.http(80)], tlsOrigination: TLS });
    new VirtualHost(this, 'rates-routes', { hosts: this.rates.hosts }).addRoute('rates', {
      targets: [RouteTarget.to(this.rates)],
      timeout: Duration.seconds(3),
      retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR], { attempts: 2 }),
    });

    // Payments leave by one door, whose address their firewall knows; the gateway makes TLS of them.
    this.egress = new EgressGateway(this, 'egress');
    this.payments = new ExternalService(this, 'payments', { hosts: ['pay.example'], ports: [MeshPort.http(80)], tlsOrigination: TLS, via: this.egress });

    // Every bucket of a provider: TLS of the application itself, to the address that it looked up.
    this.storage = new ExternalService(this, 'storage', { hosts: ['*.storage.example'], ports: [MeshPort.tls(443)], resolution: Resolution.passthrough() });

    // A machine without a name in DNS.
    this.mainframe = new ExternalService(this, 'mainframe', { hosts: ['mainframe.internal'], ports: [MeshPort.tcp(7000)], resolution: Resolution.fixed('192.0.2.10', '192.0.2.11') });

    // Whatever is not declared cannot be reached.
    new SidecarScope(this, 'declared-only', { outboundTrafficPolicy: EgressPolicy.REGISTRY_ONLY });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  new ExternalServices(app, 'external-services');
  app.synth();
}
