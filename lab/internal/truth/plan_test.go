package truth

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

func TestKind(t *testing.T) {
	for name, want := range map[string]probe.Kind{
		"http": probe.HTTP, "http-web": probe.HTTP, "http2": probe.HTTP2, "http2-api": probe.HTTP2, "grpc": probe.GRPC, "grpc-api": probe.GRPC,
		"https": probe.HTTPS, "tls-sni": probe.HTTPS, "tcp": probe.TCP, "mysql-1": probe.TCP, "": probe.HTTP,
	} {
		if got := kind(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestPlan(t *testing.T) {
	client, naked := pod("client", "10.0.0.1", true), pod("naked", "10.0.0.2", false)
	one, two := pod("one", "10.0.0.3", true), pod("two", "10.0.0.4", false)
	to := To{Host: "server", Port: 80, TargetPort: 8080}
	headless := to
	headless.Headless = true
	of := func(to To, path string, endpoints ...node.PodInfo) target {
		return target{to: to, protocol: probe.HTTP, address: "10.96.0.9", path: path, endpoints: endpoints}
	}
	entry, gateway := of(to, "/", one), of(to, "/", one)
	entry.proxiedOnly, gateway.behind = true, &scenario.Behind{}
	tests := []struct {
		name   string
		client node.PodInfo
		target target
		want   map[string]int
	}{
		{"one endpoint", client, of(to, "/", one), map[string]int{"10.96.0.9:80": tries}},
		{"no endpoint", client, of(to, "/"), map[string]int{"10.96.0.9:80": tries}},
		{"the proxy chooses", client, of(to, "/", one, two), map[string]int{"10.96.0.9:80": choice}},
		{"a route chooses", client, of(to, "/v1", one, two), map[string]int{"10.96.0.9:80": tries}},
		{"headless", client, of(headless, "/", one, two), map[string]int{"10.0.0.3:80": tries, "10.0.0.4:80": tries}},
		{"headless, no proxy", naked, of(headless, "/", one), map[string]int{"10.0.0.3:80": tries}},
		{"no proxy", naked, of(to, "/", one, two), map[string]int{"10.0.0.3:8080": tries, "10.0.0.4:8080": tries}},
		{"no proxy, no endpoint", naked, of(to, "/"), map[string]int{}},
		{"a route is the proxy's", naked, of(to, "/v1", one), map[string]int{}},
		{"itself", one, of(to, "/", one), map[string]int{}},
		{"known to proxies only", naked, entry, map[string]int{}},
		{"a gateway, from the mesh", client, gateway, map[string]int{}},
		{"a gateway, from outside", naked, gateway, map[string]int{"10.0.0.3:8080": tries}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, tokens := map[string]int{}, map[string]bool{}
			for i, a := range plan([]node.PodInfo{tt.client}, []target{tt.target}) {
				got[a.Call.Address]++
				tokens[a.Call.Token] = true
				if len(tokens) != i+1 || !probe.Token.MatchString(a.Call.Token) {
					t.Errorf("token %q", a.Call.Token)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTargetOfScenario(t *testing.T) {
	server := pod("server", "10.0.0.2", true)
	got, err := ofScenario(scenario.Target{Host: "$IP(shop/server)", Address: "$IP(shop/server)", Port: 8080, Protocol: "http", Endpoints: []string{"shop/server"}}, []node.PodInfo{server})
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got.to.Host, " ", got.asks, " ", got.address, " ", got.to.TargetPort, " ", got.endpoints[0].Name); s != "10.0.0.2 10.0.0.2 10.0.0.2 8080 server" {
		t.Error(s)
	}
	if _, err := ofScenario(scenario.Target{Host: "a.b", Endpoints: []string{"shop/nobody"}}, nil); err == nil {
		t.Error("no error for an endpoint that does not run")
	}
}
