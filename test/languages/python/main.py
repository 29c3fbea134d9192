"""The chart of every language's program, in Python. Prints the manifests."""
from cdk8s import App, Chart
from cdk8s_plus_27 import ContainerProps
from constructs import Construct

import cdk8s_mesh as mesh


class Shop(Chart):
    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        mesh.Mesh(self, "mesh")
        productpage = mesh.MeshService(self, "productpage", ports=[mesh.MeshPort.http(9080)])
        productpage.add_version("v1", replicas=1, containers=[ContainerProps(image="example/productpage:v1")])
        reviews = mesh.MeshService(self, "reviews", ports=[mesh.MeshPort.http(9080)])
        v1 = reviews.add_version("v1", replicas=1, containers=[ContainerProps(image="example/reviews:v1")])
        v3 = reviews.add_version("v3", replicas=1, containers=[ContainerProps(image="example/reviews:v3")])
        gateway = mesh.MeshGateway(
            self, "bookinfo-gateway",
            listeners=[mesh.GatewayListener.http(port=80, hosts=["*"])],
            workload=mesh.GatewayWorkload.existing({"istio": "ingressgateway"}),
        )
        productpage.expose_via_gateway(gateway, match=[
            mesh.RouteMatch.http(path=mesh.PathMatch.exactly("/productpage")),
            mesh.RouteMatch.http(path=mesh.PathMatch.starts_with("/static")),
        ])
        steps = [mesh.CanaryStep.weight(0), mesh.CanaryStep.weight(20), mesh.CanaryStep.weight(100)]
        mesh.CanaryRollout(self, "canary", service=reviews, stable=v1, canary=v3, steps=steps, at=1)


app = App()
Shop(app, "shop")
print(app.synth_yaml(), end="")
