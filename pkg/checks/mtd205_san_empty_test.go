package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

// anonymous takes the identities from what clients expect of a host.
func (r *recording) anonymous(host string) { r.takes(host) }

// takes has clients expect these identities of a host.
func (r *recording) takes(host string, identities ...string) {
	var sans []certs.Matcher
	for _, id := range identities {
		sans = append(sans, certs.Matcher{Kind: "exact", Value: id})
	}
	for _, p := range r.Proxies {
		for _, c := range p.Clusters {
			for _, m := range c.Matches {
				if strings.HasSuffix(c.Name, "||"+host) && m.Socket.TLS != nil {
					m.Socket.TLS.Validation.SANs = sans
				}
			}
		}
	}
}

func TestSANEmpty(t *testing.T) {
	r := record(t, healthy)
	r.anonymous(serverHost)
	f := r.one(mtd205)
	has(t, lines([]*diagnose.Finding{f}), "info Service shop/server [spec.subjectAltNames] 21: clients of server.shop take any workload of the mesh for it")
	has(t, facts(f), "no SAN matcher; presented is spiffe://cluster.local/ns/shop/sa/server")
	complete(t, f)
}

func TestSANEmptyOfAnEntry(t *testing.T) {
	r := truth(t, "se-selector")
	r.anonymous("int.example")
	f := r.one(mtd205)
	hasFix(t, f, `kubectl -n shop patch serviceentry int --type=json -p '[{"op":"add","path":"/spec/subjectAltNames","value":["spiffe://cluster.local/ns/shop/sa/server"]}]'`)
}

// All identities behind the entry are named: one alone would shut the others out.
func TestSANEmptyOfSeveral(t *testing.T) {
	r := truth(t, "se-selector")
	r.anonymous("int.example")
	probe := *mtd205
	probe.Describe = func(p *diagnose.Pass, f *diagnose.Finding) {
		other, secure := *f.Edges[0], *f.Edges[0].TLS
		secure.ServerID, other.TLS = "spiffe://cluster.local/ns/shop/sa/other", &secure
		f.Edges = append(f.Edges, &other)
		describeSANEmpty(p, f)
	}
	hasFix(t, r.one(&probe), `kubectl -n shop patch serviceentry int --type=json -p '[{"op":"add","path":"/spec/subjectAltNames",`+
		`"value":["spiffe://cluster.local/ns/shop/sa/other","spiffe://cluster.local/ns/shop/sa/server"]}]'`)
}

func TestSANEmptyQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd205)
	shared(t, "23-dr-wrong-san").quiet(mtd205)
	truth(t, "se-selector").quiet(mtd205)
	unseenProxy(t, healthy, "shop/server", mtd205)
	blinded(t, "04-dr-simple-in-mesh", mtd205)
}
