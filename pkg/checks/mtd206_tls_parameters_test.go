package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// versions is a transport socket that takes other versions of TLS. Equal ones are one value: it is copied.
func (r *recording) versions(s *envoy.TransportSocket, from, to string) *envoy.TransportSocket {
	if s == nil || s.TLS == nil {
		return s
	}
	socket, ctx := *s, *s.TLS
	ctx.MinVersion, ctx.MaxVersion = from, to
	socket.TLS = &ctx
	return &socket
}

// narrow makes one server take TLS 1.3 alone, and one client offer at most 1.2.
func narrow(t *testing.T) *recording {
	r := record(t, healthy)
	for _, l := range r.proxy("shop/server").Listeners {
		for _, c := range l.FilterChains {
			c.Socket = r.versions(c.Socket, "TLSv1_3", "TLSv1_3")
		}
	}
	for _, c := range r.proxy("pay/client").Clusters {
		for i := range c.Matches {
			c.Matches[i].Socket = r.versions(c.Matches[i].Socket, "TLSv1_2", "TLSv1_2")
		}
	}
	return r
}

func TestTLSParameters(t *testing.T) {
	r := narrow(t)
	f := r.one(mtd206)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [TLS parameters] 3: pay/client and shop/server have no TLS version or cipher in common: ")
	has(t, f.Fixes[0].Command, "get envoyfilters")
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}

	r.MeshConfigs["default"] = &kube.MeshConfig{MeshMTLS: &kube.TLSParameters{MinProtocolVersion: "TLSV1_3"}}
	f = r.one(mtd206)
	has(t, lines([]*diagnose.Finding{f}), "error ConfigMap istio-system/istio [data.mesh.meshMTLS] 3: ConfigMap istio-system/istio narrows TLS between workloads, and pay/client cannot do that yet: ")
	has(t, facts(f), "ConfigMap istio-system/istio data.mesh.meshMTLS: TLSV1_3")
	complete(t, f)
}

// What all others have is not to blame where an EnvoyFilter makes the exception, at either end.
func TestTLSParametersOfAnEnvoyFilter(t *testing.T) {
	r := narrow(t)
	r.MeshConfigs["default"] = &kube.MeshConfig{MeshMTLS: &kube.TLSParameters{MinProtocolVersion: "TLSV1_3"}}
	socket := kube.EnvoyPatch{Operation: "MERGE", Value: kube.EnvoyConfig{TransportSocket: &kube.EnvoyPart{Name: "tls"}}}
	filter := &kube.EnvoyFilter{Meta: kube.Meta{Namespace: "pay", Name: "old"}}
	filter.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: "CLUSTER", Patch: socket}}
	r.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
	f := r.one(mtd206)
	has(t, lines([]*diagnose.Finding{f}), "error EnvoyFilter pay/old [spec.configPatches] 3: EnvoyFilter pay/old changes TLS from pay/client to shop/server, which have no version or cipher in common: ")
	has(t, f.Fixes[0].Command, "kubectl -n pay delete envoyfilter old")
	complete(t, f)

	filter.Namespace, filter.Spec.ConfigPatches[0].ApplyTo = "shop", "FILTER_CHAIN"
	has(t, r.says(mtd206), "error EnvoyFilter shop/old [spec.configPatches] 3: ")
	filter.Spec.ConfigPatches[0].Match.Listener.PortNumber = 8080
	has(t, r.says(mtd206), "error EnvoyFilter shop/old [spec.configPatches] ")
	filter.Spec.ConfigPatches[0].Match.Listener.PortNumber = 7777 // another port's
	has(t, r.says(mtd206), "error ConfigMap istio-system/istio [data.mesh.meshMTLS] 3: ")
	filter.Spec.ConfigPatches[0].Match = kube.PatchMatch{Context: "SIDECAR_OUTBOUND"}
	has(t, r.says(mtd206), "error ConfigMap istio-system/istio [data.mesh.meshMTLS] 3: ")
}

func TestTLSParametersQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd206)
	shared(t, "12-cert-expired").silent(mtd206)
	blinded(t, healthy, mtd206)
	unseenProxy(t, healthy, "shop/server", mtd206)
}
