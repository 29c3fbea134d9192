// The chart of every language's program, in Go. Prints the manifests.
package main

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"
	"github.com/cdk8s-mesh/cdk8s-mesh-go/cdk8smesh"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
	"github.com/cdk8s-team/cdk8s-plus-go/cdk8splus27/v2"
)

func containers(image string) *[]*cdk8splus27.ContainerProps {
	return &[]*cdk8splus27.ContainerProps{{Image: jsii.String(image)}}
}

func shop(app cdk8s.App) {
	chart := cdk8s.NewChart(app, jsii.String("shop"), nil)
	cdk8smesh.NewMesh(chart, jsii.String("mesh"), nil)
	ports := &[]cdk8smesh.MeshPort{cdk8smesh.MeshPort_Http(jsii.Number(9080), nil)}
	one := jsii.Number(1)

	productpage := cdk8smesh.NewMeshService(chart, jsii.String("productpage"), &cdk8smesh.MeshServiceProps{Ports: ports})
	productpage.AddVersion(jsii.String("v1"), &cdk8smesh.MeshVersionProps{Replicas: one, Containers: containers("example/productpage:v1")})
	reviews := cdk8smesh.NewMeshService(chart, jsii.String("reviews"), &cdk8smesh.MeshServiceProps{Ports: ports})
	v1 := reviews.AddVersion(jsii.String("v1"), &cdk8smesh.MeshVersionProps{Replicas: one, Containers: containers("example/reviews:v1")})
	v3 := reviews.AddVersion(jsii.String("v3"), &cdk8smesh.MeshVersionProps{Replicas: one, Containers: containers("example/reviews:v3")})

	gateway := cdk8smesh.NewMeshGateway(chart, jsii.String("bookinfo-gateway"), &cdk8smesh.MeshGatewayProps{
		Listeners: &[]cdk8smesh.GatewayListener{
			cdk8smesh.GatewayListener_Http(&cdk8smesh.HttpListenerOptions{Port: jsii.Number(80), Hosts: jsii.Strings("*")}),
		},
		Workload: cdk8smesh.GatewayWorkload_Existing(&map[string]*string{"istio": jsii.String("ingressgateway")}, nil),
	})
	productpage.ExposeViaGateway(gateway, &cdk8smesh.ExposeViaGatewayOptions{Match: &[]cdk8smesh.RouteMatch{
		cdk8smesh.RouteMatch_Http(&cdk8smesh.HttpRouteMatchOptions{Path: cdk8smesh.PathMatch_Exactly(jsii.String("/productpage"), nil)}),
		cdk8smesh.RouteMatch_Http(&cdk8smesh.HttpRouteMatchOptions{Path: cdk8smesh.PathMatch_StartsWith(jsii.String("/static"), nil)}),
	}})
	cdk8smesh.NewCanaryRollout(chart, jsii.String("canary"), &cdk8smesh.CanaryRolloutProps{
		Service: reviews, Stable: v1, Canary: v3, At: one,
		Steps: &[]cdk8smesh.CanaryStep{
			cdk8smesh.CanaryStep_Weight(jsii.Number(0)), cdk8smesh.CanaryStep_Weight(jsii.Number(20)), cdk8smesh.CanaryStep_Weight(jsii.Number(100)),
		},
	})
}

func main() {
	defer jsii.Close()
	app := cdk8s.NewApp(nil)
	shop(app)
	fmt.Print(*app.SynthYaml())
}
