package envoy

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

func TestInternedStringsAreOne(t *testing.T) {
	in := NewInterner()
	text := []byte("outbound|80||a")
	a, b := in.str(text), in.str([]byte("outbound|80||a"))
	text[0] = 'X'
	if a != "outbound|80||a" || a != b {
		t.Errorf("%q and %q", a, b)
	}
	if in.str(nil) != "" {
		t.Error("nothing is not empty")
	}
}

// TestCertificatesAreParsedOnce: a mesh of thousands of proxies holds one bundle.
func TestCertificatesAreParsedOnce(t *testing.T) {
	in := NewInterner()
	text := secretsDump(
		`"name":"default","tls_certificate":{"certificate_chain":{"inline_bytes":"`+b64(testCA(t).Leaf("shop/a").PEM())+`"}}`,
		`"name":"ROOTCA","validation_context":{"trusted_ca":{"inline_bytes":"`+b64(testCA(t).PEM())+`"}}`)
	var chains []certs.Chain
	var bundles []*certs.Bundle
	for range 2 {
		d := NewDecoder(in)
		if err := d.ConfigDump(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		chains = append(chains, d.Proxy().Secrets[0].Chain)
		bundles = append(bundles, d.Proxy().Secrets[1].Bundle)
	}
	if chains[0].Leaf() == nil || chains[0].Leaf() != chains[1].Leaf() {
		t.Error("the chain was parsed twice")
	}
	if bundles[0] == nil || bundles[0] != bundles[1] {
		t.Error("the bundle was parsed twice")
	}
}

func TestEqualMatchesAreOneMap(t *testing.T) {
	p := mustDump(t, clustersDump(
		`"name":"a","transport_socket_matches":[{"match":{"tlsMode":"istio"}}]`,
		`"name":"b","transport_socket_matches":[{"match": {"tlsMode" : "istio"}}]`))
	a, b := p.Clusters[0].Matches[0].Match, p.Clusters[1].Matches[0].Match
	if fmt.Sprintf("%p", a) != fmt.Sprintf("%p", b) {
		t.Error("equal matches are two maps")
	}
}

// TestInternerIsSharedByProxies decodes many proxies at once; the race detector looks on.
func TestInternerIsSharedByProxies(t *testing.T) {
	in := NewInterner()
	text := recorded(t)["strict-server"]
	proxies := make([]*Proxy, 4)
	var group sync.WaitGroup
	for i := range proxies {
		group.Go(func() {
			d := NewDecoder(in)
			if err := d.ConfigDump(strings.NewReader(text)); err != nil {
				t.Error(err)
			}
			proxies[i] = d.Proxy()
		})
	}
	group.Wait()
	first := proxies[0]
	for _, p := range proxies[1:] {
		for i, c := range p.Clusters {
			if c.Socket != first.Clusters[i].Socket {
				t.Errorf("%s: two sockets", c.Name)
			}
			for j, m := range c.Matches {
				if m.Socket != first.Clusters[i].Matches[j].Socket {
					t.Errorf("%s: two sockets in match %s", c.Name, m.Name)
				}
			}
		}
	}
}

func TestNilInternerIsPrivate(t *testing.T) {
	text := clustersDump(socketClusters)
	a, b := mustDump(t, text).Clusters[0].Socket, mustDump(t, text).Clusters[0].Socket
	if a == nil || a == b {
		t.Errorf("sockets %p and %p", a, b)
	}
}
