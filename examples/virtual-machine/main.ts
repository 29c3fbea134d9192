import { App, Chart } from 'cdk8s';
import { Mesh, MeshPort, MeshService, RouteTarget, TcpMatch, VirtualMachine } from 'cdk8s-mesh';
import type { Construct } from 'constructs';
import { restricted } from '../restricted';

/** A database that stays on its machines, and a service that moves from machines to pods: both are services of the mesh like all others. */
export class VirtualMachines extends Chart {
  public readonly catalog: MeshService;
  public readonly pricing: MeshService;
  public readonly db: MeshService;

  public constructor(scope: Construct, id: string) {
    super(scope, id);
    new Mesh(this, 'mesh');
    this.catalog = new MeshService(this, 'catalog', { ports: [MeshPort.http(8080)] });
    this.catalog.addVersion('v1', { containers: [{ image: 'registry.example/catalog:1.0' }] });

    // Nothing but machines. Applications dial mysql:3306, and the sidecars on both sides speak mutual TLS.
    this.db = new MeshService(this, 'mysql', { ports: [MeshPort.tcp(3306)] });
    new VirtualMachine(this, 'mysql-vm', { service: this.db, version: 'v1', addresses: ['10.0.3.7', '10.0.3.8'], locality: 'eu-west/a' });
    this.db.addTcpRoute('catalog', { match: [TcpMatch.of({ sourceLabels: { app: 'catalog' } })], targets: [RouteTarget.to(this.db)] });

    // Pods and machines together, as long as the move takes. Of four equal endpoints two are pods.
    this.pricing = new MeshService(this, 'pricing', { ports: [MeshPort.http(8080)] });
    this.pricing.addVersion('v2', { containers: [{ image: 'registry.example/pricing:2.0' }] });
    new VirtualMachine(this, 'pricing-vm', { service: this.pricing, version: 'v1', addresses: ['10.0.4.1', '10.0.4.2'] });
    restricted(this);
  }
}

if (require.main === module) {
  const app = new App();
  new VirtualMachines(app, 'virtual-machine');
  app.synth();
}
