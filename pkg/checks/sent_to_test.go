package checks

import (
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// reroute has the routes of all proxies to api.pay lead to another cluster, as a VirtualService does.
func (r *recording) reroute(to string) {
	for _, proxy := range r.Proxies {
		for _, config := range proxy.Routes {
			for _, vh := range config.VirtualHosts {
				for _, route := range vh.Routes {
					for i := range route.Clusters {
						if route.Clusters[i].Name == toAPI {
							route.Clusters[i].Name = to
							route.Config = "/apis/networking.istio.io/v1/namespaces/pay/virtual-service/old"
						}
					}
				}
			}
		}
	}
}

const toAPI = "outbound|80||api.pay.svc.cluster.local"

// What is wrong with a host that a route leads to is told, not what was dialled.
func TestAliasBehindARoute(t *testing.T) {
	r := record(t, healthy)
	r.alias()
	r.reroute("outbound|80||alias.shop.svc.cluster.local")
	probe := *mtd331
	probe.Describe = func(p *diagnose.Pass, f *diagnose.Finding) {
		f.Edges = slices.DeleteFunc(f.Edges, func(e *handshake.Edge) bool { return e.Server.Name != "api.pay.svc.cluster.local" })
		describeAlias(p, f)
	}
	f := r.one(&probe)
	has(t, f.Title, "Service shop/alias stands for server.shop.svc.cluster.local")
	has(t, f.Fixes[1].Manifest, "host: alias.shop.svc.cluster.local")
	complete(t, f)
}

// The identities that a client accepts are those of the entry to which its route leads.
func TestSANMismatchOfAnEntryBehindARoute(t *testing.T) {
	r := truth(t, "se-selector")
	r.takes("int.example", "spiffe://cluster.local/ns/shop/sa/other")
	r.Resources.ServiceEntries[0].Spec.SubjectAltNames = []string{"spiffe://cluster.local/ns/shop/sa/other"}
	r.reroute("outbound|80||int.example")
	has(t, lines([]*diagnose.Finding{r.one(mtd202)}), "error ServiceEntry shop/int [spec.subjectAltNames]")
}

// A cluster lacks the identities of the host that it is for.
func TestSANEmptyBehindARoute(t *testing.T) {
	r := record(t, healthy)
	r.anonymous(serverHost)
	r.reroute("outbound|80||" + serverHost)
	has(t, lines([]*diagnose.Finding{r.one(mtd205)}), "info Service shop/server [spec.subjectAltNames]")
}

// A finding about a call that a VirtualService leads elsewhere names that VirtualService.
func TestVirtualServiceIsNamed(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	r.reroute("outbound|80||" + serverHost)
	f := r.one(mtd301)
	has(t, f.Title, "so clients send plaintext to server.shop, which accepts only mutual TLS")
	var named int
	for _, x := range f.Evidence {
		if x.Value == "VirtualService pay/old leads api.pay.svc.cluster.local:80 to server.shop.svc.cluster.local:80" {
			named++
		}
	}
	if named != 1 || f.Evidence[0].Layer != handshake.Proxy {
		t.Errorf("named %d times in %+v", named, f.Evidence)
	}
}

// A title about several hosts has them in one order, and its verbs agree.
func TestTitlesOfSeveralHosts(t *testing.T) {
	for _, tc := range []struct {
		capture string
		check   *diagnose.Check
		want    string
	}{
		{"03-dr-disable-vs-strict", mtd301, "send plaintext to api.pay, server.shop, which accept only mutual TLS"},
		{"04-dr-simple-in-mesh", mtd302, "no certificate of the mesh to api.pay, server.shop, which are inside it"},
		{"21-dr-portlevel-drops-tls", mtd303, "to api.pay, kubernetes.default, which are no pods of the mesh; nobody is seen to call them"},
	} {
		r := record(t, tc.capture)
		check := *tc.check
		check.Describe = func(p *diagnose.Pass, f *diagnose.Finding) {
			second := *f.Edges[0]
			second.Outbound.Host = p.Hosts[slices.IndexFunc(p.Hosts, func(h *mesh.Host) bool { return h.Name == "api.pay.svc.cluster.local" })]
			f.Edges = append(f.Edges, &second)
			tc.check.Describe(p, f)
		}
		has(t, r.one(&check).Title, tc.want)
	}
}
