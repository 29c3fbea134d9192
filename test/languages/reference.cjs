// The chart of every language's program, written with the package as it is built. Prints the manifests.
const { App, Chart, Yaml } = require('cdk8s');
const mesh = require('../..');

class Shop extends Chart {
  constructor(scope, id) {
    super(scope, id);
    new mesh.Mesh(this, 'mesh');
    const productpage = new mesh.MeshService(this, 'productpage', { ports: [mesh.MeshPort.http(9080)] });
    productpage.addVersion('v1', { replicas: 1, containers: [{ image: 'example/productpage:v1' }] });
    const reviews = new mesh.MeshService(this, 'reviews', { ports: [mesh.MeshPort.http(9080)] });
    const v1 = reviews.addVersion('v1', { replicas: 1, containers: [{ image: 'example/reviews:v1' }] });
    const v3 = reviews.addVersion('v3', { replicas: 1, containers: [{ image: 'example/reviews:v3' }] });
    const gateway = new mesh.MeshGateway(this, 'bookinfo-gateway', {
      listeners: [mesh.GatewayListener.http({ port: 80, hosts: ['*'] })],
      workload: mesh.GatewayWorkload.existing({ istio: 'ingressgateway' }),
    });
    productpage.exposeViaGateway(gateway, {
      match: [
        mesh.RouteMatch.http({ path: mesh.PathMatch.exactly('/productpage') }),
        mesh.RouteMatch.http({ path: mesh.PathMatch.startsWith('/static') }),
      ],
    });
    new mesh.CanaryRollout(this, 'canary', {
      service: reviews, stable: v1, canary: v3, steps: [mesh.CanaryStep.weight(0), mesh.CanaryStep.weight(20), mesh.CanaryStep.weight(100)], at: 1,
    });
  }
}

const app = new App();
new Shop(app, 'shop');
process.stdout.write(app.synthYaml());
