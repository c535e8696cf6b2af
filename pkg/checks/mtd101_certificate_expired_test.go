package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

func TestCertificateExpired(t *testing.T) {
	f := shared(t, "12-cert-expired").one(mtd101)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [secret default, leaf] 31: the leaf certificate of Deployment shop/server expired 7s before the capture, so no peer accepts it")
	has(t, f.Evidence[0].Value, "leaf of spiffe://cluster.local/ns/shop/sa/server")
	has(t, f.Fixes[0].Command, "kubectl -n shop logs server-")
}

// An intermediate that all share is one cause, and its CA is to blame.
func TestIntermediateExpired(t *testing.T) {
	r := record(t, healthy)
	sub := r.reissue().Intermediate(testca.Expired(r.CapturedAt.Add(-time.Hour)))
	for _, w := range []string{"shop/server", "pay/api"} {
		r.secret(w, "default").Chain = sub.Leaf(w).Chain
	}
	f := r.one(mtd101)
	has(t, lines([]*diagnose.Finding{f}), "error CertificateAuthority CN=intermediate,O=cluster.local [intermediate certificate, serial ")
	has(t, f.Title, "which proxies send, expired 1h00m before the capture")
	if len(f.Workloads) != 2 || len(f.Edges) == 0 {
		t.Errorf("%d workloads, %d edges", len(f.Workloads), len(f.Edges))
	}
}

// The root of all is one cause too, whether it is sent, trusted or both.
func TestRootExpired(t *testing.T) {
	r := record(t, healthy)
	old := testca.New(r.CapturedAt, testca.Expired(r.CapturedAt.Add(-3*time.Hour)))
	for _, p := range r.Proxies {
		for _, s := range p.Secrets {
			if s.Name == "default" {
				s.Chain = old.Leaf(p.Node.Namespace+"/"+p.Node.ServiceAccount, testca.WithRoot()).Chain
			}
		}
	}
	r.trust(old.Certificate)
	f := r.one(mtd101)
	has(t, lines([]*diagnose.Finding{f}), "error ConfigMap istio-system/istio-ca-root-cert [data[root-cert.pem]] ")
	has(t, f.Title, `the root certificate "CN=root,O=cluster.local", which proxies trust, expired 3h00m before the capture`)
	if len(f.Edges) == 0 {
		t.Error("it breaks nothing")
	}
}

// A root that is left over from a rotation harms nobody.
func TestExpiredRootLeftOver(t *testing.T) {
	r := record(t, healthy)
	old := testca.New(r.CapturedAt, testca.Seed("old"), testca.Expired(r.CapturedAt.Add(-72*time.Hour)))
	r.trust(old.Certificate, r.reissue().Certificate)
	got := r.says(mtd101)
	if !strings.HasPrefix(got, "info ConfigMap istio-system/istio-ca-root-cert [data[root-cert.pem]] 0: ") || !strings.Contains(got, "no certificate in use needs it") {
		t.Error(got)
	}
}

// A lone dump does not say when it was taken: what is old in it may have been good then.
func TestExpiredInADumpWithoutADate(t *testing.T) {
	r := record(t, "12-cert-expired")
	r.Source.Type = "dump"
	has(t, r.says(mtd101), "info Deployment shop/server [secret default, leaf]")
	has(t, r.says(mtd101), "before the date of the file; when the dump was taken is not known")
	has(t, strings.Join(r.unknowns(mtd102), "\n"), "does not say when it was taken")
}

// Warming secrets are not in use, and other certificates are told by their name.
func TestExpiredSecrets(t *testing.T) {
	r := record(t, healthy)
	p := r.proxy("shop/server")
	s := &envoy.Secret{
		Name: "kubernetes://web", Freshness: envoy.Freshness{State: envoy.Warming},
		Chain: r.reissue().Leaf("web", testca.Expired(r.CapturedAt)).Chain,
	}
	p.Secrets = append(p.Secrets, s)
	r.quiet(mtd101)
	s.State = envoy.Active
	has(t, r.says(mtd101), "error Deployment shop/server [secret kubernetes://web, leaf] 0: the certificate kubernetes://web of Deployment shop/server expired 0s before")
}

func TestCertificateExpiredQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "02-permissive-default", "11-root-mismatch"} {
		shared(t, name).quiet(mtd101)
	}
	r := record(t, "12-cert-expired")
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd101, diagnose.Secrets)
	unseenProxy(t, "12-cert-expired", "shop/server", mtd101)
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 3*time.Hour + 4*time.Minute: "3h04m", 47 * time.Hour: "47h00m", 50 * time.Hour: "2d",
	} {
		if got := ago(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
