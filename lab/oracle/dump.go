package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	admin "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// capturedAt is the time of every case's evidence.
func capturedAt() time.Time { return time.Date(2026, 11, 1, 13, 0, 0, 0, time.UTC) }

// Dumper writes what an Envoy with the config of a case would answer.
type Dumper struct {
	ca     *testca.CA
	leaves map[string]*testca.Leaf
}

// NewDumper returns a dumper whose proxies all hold certificates of one CA.
func NewDumper() *Dumper {
	return &Dumper{ca: testca.New(capturedAt()), leaves: map[string]*testca.Leaf{}}
}

// Evidence hands a case to the product as a capture would: the lists of the API server and the
// config dump of every proxy.
func (d *Dumper) Evidence(i *Istiod) (*mesh.Evidence, error) {
	a := bundle.NewAssembler()
	a.SetManifest(bundle.Manifest{CapturedAt: capturedAt(), IstioRootNamespace: root})
	for _, k := range kube.Kinds() {
		items := i.Case.keep(func(o Object) bool { return o.Kind() == k.Name })
		list, err := json.Marshal(map[string]any{"items": append(Case{}, items...)})
		if err != nil {
			return nil, err
		}
		if err := a.Add("kubernetes/"+k.ID()+".json", bytes.NewReader(list)); err != nil {
			return nil, err
		}
	}
	for _, p := range i.Proxies {
		dump, err := d.ConfigDump(p)
		if err != nil {
			return nil, fmt.Errorf("dump of %s: %w", p.Pod.Key(), err)
		}
		if err := a.Add("proxies/"+p.Pod.Key().String()+"/config_dump.json", bytes.NewReader(dump)); err != nil {
			return nil, err
		}
	}
	return a.Evidence()
}

// ConfigDump is the answer to /config_dump?include_eds of a proxy that took all it was sent.
func (d *Dumper) ConfigDump(p *Proxy) ([]byte, error) {
	parts := []proto.Message{
		&admin.BootstrapConfigDump{Bootstrap: &bootstrap.Bootstrap{Node: &core.Node{Id: nodeID(p)}}},
		clustersDump(p), listenersDump(p), routesDump(p), endpointsDump(p), d.secretsDump(p),
	}
	dump := new(admin.ConfigDump)
	for _, m := range parts {
		dump.Configs = append(dump.Configs, pack(m))
	}
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(dump)
}

func nodeID(p *Proxy) string {
	return fmt.Sprintf("%s~%s~%s.%s~%s.svc.cluster.local", role(p.Pod), p.Pod.Status.PodIP, p.Pod.Name, p.Pod.Namespace, p.Pod.Namespace)
}

func pack(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil { // only for messages that are no messages
		return nil
	}
	return a
}

func clustersDump(p *Proxy) *admin.ClustersConfigDump {
	out := new(admin.ClustersConfigDump)
	for _, c := range p.Simulation.Clusters {
		out.DynamicActiveClusters = append(out.DynamicActiveClusters, &admin.ClustersConfigDump_DynamicCluster{Cluster: pack(c)})
	}
	return out
}

func listenersDump(p *Proxy) *admin.ListenersConfigDump {
	out := new(admin.ListenersConfigDump)
	for _, l := range p.Simulation.Listeners {
		state := &admin.ListenersConfigDump_DynamicListenerState{Listener: pack(l)}
		out.DynamicListeners = append(out.DynamicListeners, &admin.ListenersConfigDump_DynamicListener{Name: l.Name, ActiveState: state})
	}
	return out
}

func routesDump(p *Proxy) *admin.RoutesConfigDump {
	out := new(admin.RoutesConfigDump)
	for _, r := range p.Simulation.Routes {
		out.DynamicRouteConfigs = append(out.DynamicRouteConfigs, &admin.RoutesConfigDump_DynamicRouteConfig{RouteConfig: pack(r)})
	}
	return out
}

func endpointsDump(p *Proxy) *admin.EndpointsConfigDump {
	out := new(admin.EndpointsConfigDump)
	for _, e := range p.Endpoints {
		out.DynamicEndpointConfigs = append(out.DynamicEndpointConfigs, &admin.EndpointsConfigDump_DynamicEndpointConfig{EndpointConfig: pack(e)})
	}
	return out
}

// secretsDump holds the mesh's certificates. Those of files are not there: the agent has none.
func (d *Dumper) secretsDump(p *Proxy) *admin.SecretsConfigDump {
	inline := func(text []byte) *core.DataSource {
		return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: text}}
	}
	leaf := &tls.Secret{Name: "default", Type: &tls.Secret_TlsCertificate{TlsCertificate: &tls.TlsCertificate{
		CertificateChain: inline(d.leaf(p.Pod.Namespace + "/" + p.Pod.Spec.ServiceAccountName).PEM()),
	}}}
	ca := &tls.Secret{Name: "ROOTCA", Type: &tls.Secret_ValidationContext{ValidationContext: &tls.CertificateValidationContext{
		TrustedCa: inline(testca.PEM(d.ca.Certificate)),
	}}}
	out := new(admin.SecretsConfigDump)
	for _, s := range []*tls.Secret{leaf, ca} {
		out.DynamicActiveSecrets = append(out.DynamicActiveSecrets, &admin.SecretsConfigDump_DynamicSecret{Name: s.Name, Secret: pack(s)})
	}
	return out
}

func (d *Dumper) leaf(id string) *testca.Leaf {
	if d.leaves[id] == nil {
		d.leaves[id] = d.ca.Leaf(id)
	}
	return d.leaves[id]
}
