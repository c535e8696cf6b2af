package truth

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/node"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

func TestRecord(t *testing.T) {
	bundle, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "manifest.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := scenario.Scenario{Name: "03-x", Description: "Something is broken."}
	failed := Pair{From: From{Namespace: "shop", Workload: "client"}, To: To{Service: "server", Host: "server", Port: 80}, Protocol: "tcp", Error: "read tcp4 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer"}
	other := failed
	other.Error = strings.Replace(failed.Error, ":1->", ":9->", 1)
	truth := Truth{Scenario: s.Name, Pairs: []Pair{failed, other}}
	var first []byte
	for range 2 {
		if err := Record(out, s, truth, bundle); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(out, "03-x.tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, text) {
			t.Error("the same input gives other bytes")
		}
		first = text
	}
	files := untar(t, first)
	if diff := cmp.Diff([]string{"03-x/README.md", "03-x/bundle/manifest.json", "03-x/truth.json"}, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Error(diff)
	}
	if readme := files["03-x/README.md"]; strings.Count(readme, "* connection reset by peer") != 1 {
		t.Errorf("failures that differ in ports only must be told once:\n%s", readme)
	}
}

func untar(t *testing.T, text []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(body)
	}
}

func TestThroughGateway(t *testing.T) {
	gateway, server := pod("gateway", "10.0.0.1", true), pod("server", "10.0.0.2", true)
	outside := pod("outside", "10.0.0.3", false)
	a := attempt{
		Call: probe.Call{Token: token, Kind: probe.HTTP}, client: outside,
		target: target{to: To{Host: "gateway", Port: 80}, asks: "shop.example", endpoints: []node.PodInfo{gateway}, behind: &scenario.Behind{Namespace: "shop", Service: "server", Port: 80}},
	}
	e := evidence{pods: []node.PodInfo{gateway, server, outside}, seen: map[string]probe.Seen{"shop/server": seenOn(probe.Delivered), "shop/gateway": seenOn(probe.Wire)}}
	tests := []struct {
		name string
		r    probe.Result
		want []string
	}{
		{"both work", probe.Result{OK: true, Status: 200, Body: `server xfcc="By=a" tls=false`}, []string{"outside->gateway plaintext", "gateway->server.shop.svc.cluster.local mutual TLS"}},
		{"the gateway answers 503", probe.Result{Status: 503, Error: "HTTP 503"}, []string{"outside->gateway plaintext", "gateway->server.shop.svc.cluster.local refused"}},
		{"the gateway refuses", probe.Result{Error: "reset"}, []string{"outside->gateway refused"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range e.throughGateway(a, tt.r, e.decide(a, tt.r)) {
				got = append(got, p.From.Workload+"->"+p.To.Host+" "+outcomeOf(p))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
