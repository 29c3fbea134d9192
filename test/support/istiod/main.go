// Asks Istio's own discovery server what it sends. Each POST carries a mesh as JSON, {"documents": […], "mesh": "MeshConfig", "networks": "MeshNetworks", "nodes": {NAME: node}},
// and is answered with every resource for each node: {NAME: {"cds": […], "eds": […], "lds": […], "rds": […], "ecds": […], "nds": […]}}. A POST to /validate is answered
// with what istiod's webhook says of each document. The server is the one that istiod runs; its Kubernetes API is a client in memory, which defaults nothing and sets no status.
// Prints its address, and ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	fake "istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collections"
	_ "istio.io/istio/pkg/config/xds"
	_ "istio.io/istio/pkg/dns/proto"
)

const prefix = "type.googleapis.com/envoy.config."

const (
	clusterType   = prefix + "cluster.v3.Cluster"
	endpointType  = prefix + "endpoint.v3.ClusterLoadAssignment"
	listenerType  = prefix + "listener.v3.Listener"
	routeType     = prefix + "route.v3.RouteConfiguration"
	extensionType = prefix + "core.v3.TypedExtensionConfig"
	nameTableType = "type.googleapis.com/istio.networking.nds.v1.NameTable"
)

type node struct {
	ID       string          `json:"id"`
	Cluster  string          `json:"cluster"`
	Metadata json.RawMessage `json:"metadata"`
}

type question struct {
	Documents []json.RawMessage `json:"documents"`
	Mesh      string            `json:"mesh"`
	Networks  string            `json:"networks"`
	Nodes     map[string]node   `json:"nodes"`
}

type answer struct {
	CDS  []json.RawMessage `json:"cds"`
	EDS  []json.RawMessage `json:"eds"`
	LDS  []json.RawMessage `json:"lds"`
	RDS  []json.RawMessage `json:"rds"`
	ECDS []json.RawMessage `json:"ecds"`
	NDS  []json.RawMessage `json:"nds"`
}

// What istiod's admission webhook says of one document.
type verdict struct {
	Error   string `json:"error,omitempty"`
	Warning string `json:"warning,omitempty"`
}

// The server is made for Go tests; what would end a test ends the question.
type asking struct {
	cleanups []func()
	folders  []string
}

func (a *asking) Fail()                             { panic("failed") }
func (a *asking) FailNow()                          { panic("failed") }
func (a *asking) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (a *asking) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (a *asking) Log(...any)                        {}
func (a *asking) Logf(string, ...any)               {}
func (a *asking) Helper()                           {}
func (a *asking) Skip(...any)                       {}
func (a *asking) Cleanup(cleanup func())            { a.cleanups = append(a.cleanups, cleanup) }

func (a *asking) TempDir() string {
	folder, err := os.MkdirTemp("", "istiod-")
	if err != nil {
		panic(err)
	}
	a.folders = append(a.folders, folder)
	return folder
}

func (a *asking) end() {
	defer func() { _ = recover() }()
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		a.cleanups[i]()
	}
	for _, folder := range a.folders {
		_ = os.RemoveAll(folder)
	}
}

func parse(documents []json.RawMessage) (kubernetes []string, configs []config.Config, err error) {
	for _, document := range documents {
		var head struct {
			APIVersion string `json:"apiVersion"`
		}
		if err := json.Unmarshal(document, &head); err != nil {
			return nil, nil, err
		}
		if !strings.Contains(head.APIVersion, "istio.io/") {
			kubernetes = append(kubernetes, string(document))
			continue
		}
		parsed, _, err := crd.ParseInputs(string(document))
		if err != nil {
			return nil, nil, err
		}
		for _, each := range parsed {
			each.Domain = "cluster.local"
			configs = append(configs, each)
		}
	}
	return kubernetes, configs, nil
}

func compile(asked question) (answers map[string]answer, err error) {
	ending := &asking{}
	defer ending.end()
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v\n%s", reason, debug.Stack())
		}
	}()
	kubernetes, configs, err := parse(asked.Documents)
	if err != nil {
		return nil, err
	}
	meshConfig := mesh.DefaultMeshConfig()
	if asked.Mesh != "" {
		if meshConfig, err = mesh.ApplyMeshConfigDefaults(asked.Mesh); err != nil {
			return nil, err
		}
	}
	options := fake.FakeOptions{KubernetesObjectString: strings.Join(kubernetes, "\n---\n"), Configs: configs, MeshConfig: meshConfig}
	if asked.Networks != "" {
		networks, err := mesh.ParseMeshNetworks(asked.Networks)
		if err != nil {
			return nil, err
		}
		options.NetworksWatcher = meshwatcher.NewFixedNetworksWatcher(networks)
	}
	server := fake.NewFakeDiscoveryServer(ending, options)
	answers = map[string]answer{}
	for name, node := range asked.Nodes {
		if answers[name], err = fetch(server, node); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return answers, nil
}

// One aggregated stream, asked in Envoy's order: clusters and their endpoints, listeners and their routes.
func fetch(server *fake.FakeDiscoveryServer, from node) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := grpc.NewClient("passthrough:///istiod", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return server.BufListener.Dial() }))
	if err != nil {
		return answer{}, err
	}
	defer connection.Close()
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).StreamAggregatedResources(ctx)
	if err != nil {
		return answer{}, err
	}
	metadata := &structpb.Struct{}
	if err := protojson.Unmarshal(from.Metadata, metadata); err != nil {
		return answer{}, err
	}
	self := &core.Node{Id: from.ID, Cluster: from.Cluster, Metadata: metadata}
	ask := func(typeURL string, names []string) ([]*anypb.Any, error) {
		if err := stream.Send(&discovery.DiscoveryRequest{Node: self, TypeUrl: typeURL, ResourceNames: names}); err != nil {
			return nil, err
		}
		for {
			response, err := stream.Recv()
			if err != nil {
				return nil, err
			}
			if response.TypeUrl == typeURL {
				return response.Resources, stream.Send(&discovery.DiscoveryRequest{
					TypeUrl: typeURL, ResourceNames: names, VersionInfo: response.VersionInfo, ResponseNonce: response.Nonce,
				})
			}
		}
	}
	var endpoints, routes, extensions, table []*anypb.Any
	clusters, err := ask(clusterType, nil)
	if err != nil {
		return answer{}, err
	}
	names, err := endpointNames(clusters)
	if err == nil && len(names) > 0 {
		endpoints, err = ask(endpointType, names)
	}
	if err != nil {
		return answer{}, err
	}
	listeners, err := ask(listenerType, nil)
	if err != nil {
		return answer{}, err
	}
	routeNames, extensionNames, err := listenerNames(listeners)
	if err == nil && len(routeNames) > 0 {
		routes, err = ask(routeType, routeNames)
	}
	if err == nil && len(extensionNames) > 0 {
		extensions, err = ask(extensionType, extensionNames)
	}
	if err == nil && metadata.Fields["DNS_CAPTURE"] != nil {
		table, err = ask(nameTableType, nil)
	}
	if err != nil {
		return answer{}, err
	}
	var given answer
	for _, part := range []struct {
		from []*anypb.Any
		to   *[]json.RawMessage
	}{{clusters, &given.CDS}, {endpoints, &given.EDS}, {listeners, &given.LDS}, {routes, &given.RDS}, {extensions, &given.ECDS}, {table, &given.NDS}} {
		*part.to = []json.RawMessage{}
		for _, resource := range part.from {
			text, err := protojson.Marshal(resource)
			if err != nil {
				return answer{}, err
			}
			*part.to = append(*part.to, text)
		}
	}
	return given, nil
}

func endpointNames(clusters []*anypb.Any) (names []string, err error) {
	for _, each := range clusters {
		message := &cluster.Cluster{}
		if err := each.UnmarshalTo(message); err != nil {
			return nil, err
		}
		if message.GetType() != cluster.Cluster_EDS {
			continue
		}
		if service := message.GetEdsClusterConfig().GetServiceName(); service != "" {
			names = append(names, service)
		} else {
			names = append(names, message.Name)
		}
	}
	return names, nil
}

// Names of route configurations, and of filters that are configured elsewhere.
func listenerNames(listeners []*anypb.Any) (routes, extensions []string, err error) {
	seen := map[string]bool{}
	add := func(names []string, name string) []string {
		if name == "" || seen[name] {
			return names
		}
		seen[name] = true
		return append(names, name)
	}
	for _, each := range listeners {
		message := &listener.Listener{}
		if err := each.UnmarshalTo(message); err != nil {
			return nil, nil, err
		}
		for _, chain := range append(message.FilterChains, message.DefaultFilterChain) {
			for _, filter := range chain.GetFilters() {
				if filter.GetConfigDiscovery() != nil {
					extensions = add(extensions, filter.Name)
				}
				manager := &hcm.HttpConnectionManager{}
				if filter.GetTypedConfig() == nil || !filter.GetTypedConfig().MessageIs(manager) {
					continue
				}
				if err := filter.GetTypedConfig().UnmarshalTo(manager); err != nil {
					return nil, nil, err
				}
				routes = add(routes, manager.GetRds().GetRouteConfigName())
				for _, filter := range manager.HttpFilters {
					if filter.GetConfigDiscovery() != nil {
						extensions = add(extensions, filter.Name)
					}
				}
			}
		}
	}
	return routes, extensions, nil
}

func validate(asked question) (verdicts []verdict, err error) {
	for _, document := range asked.Documents {
		found := verdict{}
		_, configs, err := parse([]json.RawMessage{document})
		if err != nil {
			found.Error = err.Error()
		}
		for _, each := range configs {
			schema, known := collections.Pilot.FindByGroupVersionAliasesKind(each.GroupVersionKind)
			if !known {
				continue
			}
			warning, err := schema.ValidateConfig(each)
			if warning != nil {
				found.Warning = warning.Error()
			}
			if err != nil {
				found.Error = err.Error()
			}
		}
		verdicts = append(verdicts, found)
	}
	return verdicts, nil
}

func serve(response http.ResponseWriter, request *http.Request) {
	var asked question
	var answered any
	err := json.NewDecoder(request.Body).Decode(&asked)
	if err == nil && request.URL.Path == "/validate" {
		answered, err = validate(asked)
	} else if err == nil {
		answered, err = compile(asked)
	}
	if err != nil {
		http.Error(response, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	_ = json.NewEncoder(response).Encode(answered)
}

func main() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(server.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, http.Serve(server, http.HandlerFunc(serve)))
	os.Exit(1)
}
