package handshake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in   string
		want Target
	}{
		{"server", Target{"server", 0}},
		{"server.shop:80", Target{"server.shop", 80}},
		{"*.example.com:443", Target{"*.example.com", 443}},
		{"10.1.0.1", Target{"10.1.0.1", 0}},
		{"10.1.0.1:8080", Target{"10.1.0.1", 8080}},
		{"fd00::1", Target{"fd00::1", 0}},
		{"[fd00::1]:80", Target{"fd00::1", 80}},
	}
	for _, tt := range tests {
		got, err := ParseTarget(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.in, diff)
		}
	}
	for _, in := range []string{"", ":80", "a:", "a:0", "a:x", "a:70000", "a:b:80", "a:-1"} {
		if got, err := ParseTarget(in); err == nil {
			t.Errorf("%q is read as %+v", in, got)
		} else if !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%q: the error does not say what to write: %v", in, err)
		}
	}
}

// FuzzParseTarget: what is accepted has a name and is read the same again.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"server.shop:80", "10.1.0.1", "[fd00::1]:80", "", ":", "a:b:c", "1.2.3.4:99999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ParseTarget(in)
		if err == nil && got.Name == "" {
			t.Errorf("%q gives a target without a name", in)
		}
	})
}

func TestQueryNarrows(t *testing.T) {
	engine := New(mesh.New(shop(t).evidence()))
	pod := func(name string) func(*mesh.Pod) bool { return func(p *mesh.Pod) bool { return p.Name == name } }
	tests := []struct {
		name string
		q    Query
		keep func(*Edge) bool
	}{
		{"client", Query{Client: pod("client")}, func(e *Edge) bool { return e.Client.Name == "client" }},
		{"host", Query{Host: func(h *mesh.Host) bool { return h.Namespace == "legacy" }}, func(e *Edge) bool { return e.Server.Host.Namespace == "legacy" }},
		{"server", Query{Server: func(s *Server) bool { return s.Port == 443 }}, func(e *Edge) bool { return e.Server.Port == 443 }},
		{"either end", Query{Either: pod("db-0")}, func(e *Edge) bool {
			return e.Client.Name == "db-0" || e.Server.Pod != nil && e.Server.Pod.Name == "db-0"
		}},
	}
	all := engine.Edges(Query{})
	for _, tt := range tests {
		want := 0
		for _, e := range all {
			if tt.keep(e) {
				want++
			}
		}
		got := engine.Edges(tt.q)
		for _, e := range got {
			if !tt.keep(e) {
				t.Errorf("%s: kept %s -> %s:%d", tt.name, e.Client.Key(), e.Server.Name, e.Server.Port)
			}
		}
		if len(got) != want || want == 0 || want == len(all) {
			t.Errorf("%s: %d edges, want %d of %d", tt.name, len(got), want, len(all))
		}
	}
}

// TestEdgesAndEdgesToAgree: naming a destination changes nothing.
func TestEdgesAndEdgesToAgree(t *testing.T) {
	engine := New(mesh.New(shop(t).evidence()))
	byTarget := map[Target][]string{}
	for _, e := range engine.Edges(Query{}) {
		k := Target{e.Server.Name, e.Server.Port}
		byTarget[k] = append(byTarget[k], e.Client.Name+" "+e.Server.Address.String()+" "+outcome(e))
	}
	for target, want := range byTarget {
		var got []string
		for _, e := range engine.EdgesTo(target, Query{}) {
			got = append(got, e.Client.Name+" "+e.Server.Address.String()+" "+outcome(e))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v:\n%s", target, diff)
		}
	}
}

// TestNoSuchService: a name that can only be a service's is no host outside; a name with a final
// dot is.
func TestNoSuchService(t *testing.T) {
	engine := New(mesh.New(shop(t).evidence()))
	client := Query{Client: func(p *mesh.Pod) bool { return p.Name == "client" }}
	tests := map[string]Verdict{
		"nosuch.shop": Fails, "nosuch.shop.svc": Fails, "nosuch": Fails,
		"nosuch.shop.": Plaintext, "nosuch.example": Plaintext, "203.0.113.9": Plaintext,
	}
	for name, want := range tests {
		edges := engine.EdgesTo(Target{Name: name, Port: 80}, client)
		if len(edges) != 1 || edges[0].Verdict != want {
			t.Errorf("%s: got %+v, want %s", name, edges, want)
		} else if held := strings.Contains(edges[0].Why, "nobody in the evidence holds"); held != (name == "203.0.113.9") {
			t.Errorf("%s: %s", name, edges[0].Why)
		}
	}
}

// TestEveryPort: port 0 stands for every port that is declared.
func TestEveryPort(t *testing.T) {
	engine := New(mesh.New(shop(t).evidence()))
	for name, want := range map[string][]uint32{"server.shop": {80, 443, 9000}, "10.96.0.1": {80, 443, 9000}, "10.1.0.2": {8080, 8443, 9000}, "gone.shop.svc.cluster.local": nil} {
		var got []uint32
		for _, e := range engine.EdgesTo(Target{Name: name}, Query{Client: func(p *mesh.Pod) bool { return p.Name == "client" }}) {
			got = append(got, e.Server.Port)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestVirtualHostOrder(t *testing.T) {
	rc := &envoy.RouteConfig{}
	for _, domains := range []string{"*", "*.com", "*.example.com", "www.example.com", "www.*", "www.example.*", "api.example.com:8080", "*-x.example.com"} {
		rc.VirtualHosts = append(rc.VirtualHosts, &envoy.VirtualHost{Name: domains, Domains: []string{domains}})
	}
	d := newDomains(rc)
	for host, want := range map[string]string{
		"www.example.com": "www.example.com", "WWW.Example.com": "www.example.com", "api.example.com": "*.example.com", "example.com": "*.com",
		"a-x.example.com": "*-x.example.com", "www.example.org": "www.example.*", "www.org": "www.*", "org": "*", ".example.com": "*.com",
	} {
		if got := d.find(host, host+":80"); got == nil || got.Name != want {
			t.Errorf("%s: %v, want %s", host, got, want)
		}
	}
	if got := d.find("api.example.com", "api.example.com:8080"); got.Name != "api.example.com:8080" {
		t.Errorf("with its port: %s", got.Name)
	}
	if got := newDomains(&envoy.RouteConfig{}).find("a", "a:80"); got != nil {
		t.Error("no virtual host is found among none")
	}
}

func TestInboundModes(t *testing.T) {
	w := shop(t)
	w.accept("shop/server", strict)
	w.accept("shop/server", permissive, 8080)
	w.accept("shop/server", disable, 9000)
	w.find("shop/server").Annotations["traffic.sidecar.istio.io/excludeInboundPorts"] = "8443"
	snap := mesh.New(w.evidence())
	got := New(snap).InboundModes(snap.Pod(w.find("shop/server").Key()))
	want := []PortMode{{Port: 0, Mode: strict}, {Port: 8080, Mode: permissive}, {Port: 8443, Mode: strict, Bypassed: true}, {Port: 9000, Mode: disable}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, pod := range []string{"legacy/naked"} {
		if got := New(snap).InboundModes(snap.Pod(w.find(pod).Key())); got != nil {
			t.Errorf("%s has modes %v", pod, got)
		}
	}
	listenerNamed(w.proxy("shop/client"), "virtualInbound").State = envoy.Warming
	if got := New(snap).InboundModes(snap.Pod(w.find("shop/client").Key())); got != nil {
		t.Errorf("modes %v of a listener that is not there", got)
	}
}

func TestBlocked(t *testing.T) {
	e := &Edge{Blockers: []Blocker{{Reason: PlaintextRefused}, {Reason: ClientSecretMissing}}}
	if !e.Blocked(TLSVersion, ClientSecretMissing) || e.Blocked(TLSVersion) || e.Blocked() {
		t.Error("Blocked looks at all blockers and at all reasons")
	}
	if !NoRoute.NotTLS() || PlaintextRefused.NotTLS() {
		t.Error("NotTLS")
	}
}
