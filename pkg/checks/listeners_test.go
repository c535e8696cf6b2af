package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Of a gateway's closed ports the listeners that it has are told, and no caller.
func TestNoListener(t *testing.T) {
	active := envoy.Freshness{State: envoy.Active}
	pod := &mesh.Pod{Pod: &kube.Pod{}, Workload: &mesh.Workload{Ref: kube.Ref{Kind: "Deployment", Namespace: "istio-system", Name: "gateway"}}}
	pod.Name, pod.Namespace = "gateway-1", "istio-system"
	pod.Proxy = &envoy.Proxy{Listeners: []*envoy.Listener{
		{Name: "0.0.0.0_8443", BindToPort: true, Freshness: active},
		{Name: "0.0.0.0_8080", BindToPort: true, Freshness: active},
		{Name: "connect_originate", Freshness: active},
		{Name: "0.0.0.0_9000", BindToPort: true, Freshness: envoy.Freshness{State: envoy.Warming}},
	}}
	f := &diagnose.Finding{}
	for _, port := range []uint32{15021, 80, 80} {
		f.Edges = append(f.Edges, &handshake.Edge{Reason: handshake.NoListener, Server: handshake.Server{Pod: pod, Port: port}})
	}
	describeUnexplained(nil, f)
	if want := "nothing listens behind ports 80, 15021 of istio-system/gateway: no Gateway opens them"; f.Title != want {
		t.Error(f.Title)
	}
	if got := facts(f); got != "istio-system/gateway-1 config_dump listeners: 0.0.0.0_8080, 0.0.0.0_8443" {
		t.Error(got)
	}
	f.Edges = f.Edges[:1]
	pod.Proxy.Listeners = nil
	describeUnexplained(nil, f)
	has(t, f.Title, "behind port 15021 of istio-system/gateway: no Gateway opens it")
	has(t, facts(f), "none that takes connections")
}
