package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func socket(certificates ...envoy.CertificateRef) *envoy.TransportSocket {
	return &envoy.TransportSocket{Kind: "tls", TLS: &envoy.TLSContext{Certificates: certificates}}
}

func TestSends(t *testing.T) {
	mutual, plain := socket(envoy.CertificateRef{SDS: "default"}), &envoy.TransportSocket{Kind: envoy.Raw}
	matches := func(s ...*envoy.TransportSocket) (out []envoy.SocketMatch) {
		for _, x := range s {
			out = append(out, envoy.SocketMatch{Socket: x})
		}
		return out
	}
	tests := map[string]struct {
		cluster envoy.Cluster
		want    string
	}{
		"no socket":       {envoy.Cluster{}, sendsPlaintext},
		"raw":             {envoy.Cluster{Socket: plain}, sendsPlaintext},
		"simple":          {envoy.Cluster{Socket: socket()}, sendsTLS},
		"istio mutual":    {envoy.Cluster{Socket: mutual}, sendsMTLS},
		"auto":            {envoy.Cluster{Matches: matches(mutual, plain)}, sendsAuto},
		"all the same":    {envoy.Cluster{Socket: mutual, Matches: matches(mutual)}, sendsMTLS},
		"a matcher tree":  {envoy.Cluster{Socket: mutual, HasMatcher: true}, sendsUnknown},
		"not modelled":    {envoy.Cluster{Socket: &envoy.TransportSocket{Kind: "other"}}, sendsUnknown},
		"partly modelled": {envoy.Cluster{Socket: &envoy.TransportSocket{Kind: "other"}, Matches: matches(mutual)}, sendsUnknown},
	}
	for name, test := range tests {
		if got := sends(&test.cluster); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestLoneDump: one proxy alone tells what it sends where; with the services read, edges do.
func TestLoneDump(t *testing.T) {
	proxy := &envoy.Proxy{
		Read: envoy.SectionClusters,
		Clusters: []*envoy.Cluster{
			{Name: "outbound|443|v1|b.shop.svc.cluster.local", Socket: socket(), Config: "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/b"},
			{Name: "outbound|80||a.shop.svc.cluster.local"},
			{Name: "inbound|80||"},
			{Name: "PassthroughCluster"},
			{Name: "outbound|x||y"},
		},
	}
	proxy.Node.Type = "sidecar"
	evidence := &mesh.Evidence{
		CapturedAt: captured, Resources: new(kube.Resources), Source: mesh.Source{Type: "dump"},
		Proxies: map[kube.Key]*envoy.Proxy{{Namespace: "shop", Name: "cart-1"}: proxy},
	}
	r := Build(diagnose.Run(mesh.New(evidence), nil, diagnose.Scope{}), Scope{})
	want := []Upstream{
		{Host: "a.shop.svc.cluster.local", Port: 80, Sends: "plaintext"},
		{Host: "b.shop.svc.cluster.local", Port: 443, Subset: "v1", Sends: "tls", Rule: "shop/b"},
	}
	if diff := cmp.Diff(want, r.Workloads[0].Upstreams); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"listeners", "secrets"}, r.Workloads[0].Missing); diff != "" {
		t.Error(diff)
	}
	wantTable := `all namespaces: ?   its peers are not in the evidence, and so no call can be judged
  (captured 2026-11-24 02:58:07Z, 0 of 1 proxy read)

WORKLOAD         READ  PROXY    POLICY  ENFORCED  IN mTLS  OUT mTLS  CERT  HEALTH
shop/pod/cart-1  0/1   sidecar  ?       ?         ?        ?         ?     ? listeners, secrets unread

WORKLOAD         SENDS      DESTINATION           DESTINATIONRULE
shop/pod/cart-1  plaintext  a.shop:80             -
shop/pod/cart-1  tls        b.shop:443 subset v1  shop/b
`
	if diff := cmp.Diff(wantTable, render(t, r, Style{Format: Table})); diff != "" {
		t.Error(diff)
	}
	evidence.Resources.Services = []*kube.Service{{Meta: kube.Meta{Name: "a", Namespace: "shop"}}}
	if r := Build(diagnose.Run(mesh.New(evidence), nil, diagnose.Scope{}), Scope{}); r.Workloads[0].Upstreams != nil {
		t.Errorf("got %v", r.Workloads[0].Upstreams)
	}
}
