package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

const day = 24 * time.Hour

// life gives a certificate a lifetime of which a share has passed by the time of the capture.
func (r *recording) life(length time.Duration, share float64) testca.Option {
	begin := r.CapturedAt.Add(-time.Duration(share * float64(length)))
	return testca.Valid(begin, begin.Add(length))
}

func TestRotationStalled(t *testing.T) {
	for name, c := range map[string]struct {
		length time.Duration
		share  float64
		want   string // severity, "" for none
	}{
		"a day, renewed a moment ago":       {day, 0, ""},
		"a day, just before its renewal":    {day, 0.5, ""},
		"a day, a bit late":                 {day, 0.6, "info"},
		"a day, overdue":                    {day, 0.8, "warning"},
		"90 days, renewed at a third's end": {90 * day, 0.54, ""},
		"90 days, overdue":                  {90 * day, 0.8, "warning"},
		"an hour, overdue":                  {time.Hour, 0.8, "warning"},
		"40 seconds: read when it was due":  {40 * time.Second, 0.9, ""},
		"expired is another check's":        {day, 1.1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			ca := r.reissue()
			r.secret("shop/server", "default").Chain = ca.Leaf("shop/server", r.life(c.length, c.share)).Chain
			got := r.says(mtd102)
			if severity, _, _ := strings.Cut(got, " "); severity != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if c.want != "" {
				has(t, got, "Deployment shop/server [secret default, leaf] 0: ")
				has(t, got, "was not renewed at half of its lifetime")
			}
		})
	}
}

// Other certificates are renewed by other means, later.
func TestOtherCertificatesEnd(t *testing.T) {
	for share, want := range map[float64]bool{0.8: false, 0.95: true} {
		r := record(t, healthy)
		p := r.proxy("shop/server")
		p.Secrets = append(p.Secrets, &envoy.Secret{
			Name: "kubernetes://web", Freshness: envoy.Freshness{State: envoy.Active},
			Chain: r.reissue().Leaf("shop/server", r.life(90*day, share)).Chain,
		})
		if got := r.says(mtd102); strings.HasPrefix(got, "warning Deployment shop/server [secret kubernetes://web, leaf]") != want {
			t.Errorf("%v of the lifetime: %q", share, got)
		}
	}
}

func TestIntermediateEnds(t *testing.T) {
	for left, want := range map[time.Duration]bool{20 * day: true, 60 * day: false} {
		r := record(t, healthy)
		sub := r.reissue().Intermediate(testca.Valid(r.CapturedAt.Add(-300*day), r.CapturedAt.Add(left)))
		r.secret("shop/server", "default").Chain = sub.Leaf("shop/server").Chain
		if got := r.says(mtd102); strings.HasPrefix(got, "warning CertificateAuthority CN=intermediate,O=cluster.local [intermediate certificate") != want {
			t.Errorf("%s left: %q", left, got)
		}
	}
}

// A root is one finding for the mesh, unless nothing hangs on it.
func TestRootEnds(t *testing.T) {
	r := record(t, healthy)
	old := testca.New(r.CapturedAt, testca.Seed("old"), testca.Valid(r.CapturedAt.Add(-3000*day), r.CapturedAt.Add(20*day)))
	now := r.reissue()
	r.trust(old.Certificate, now.Certificate)
	r.quiet(mtd102)

	r.secret("shop/server", "default").Chain = old.Leaf("shop/server").Chain
	f := r.one(mtd102)
	has(t, lines([]*diagnose.Finding{f}), "warning ConfigMap istio-system/istio-ca-root-cert [data[root-cert.pem]] 0: the root certificate")
	has(t, f.Title, "ends in 20d")
	if len(f.Workloads) != len(r.Proxies) {
		t.Errorf("%d workloads trust it, %d are told", len(r.Proxies), len(f.Workloads))
	}

	// Renewed with the same key, as istiod does it: the longer one takes over.
	longer := testca.New(r.CapturedAt, testca.Seed("old"))
	r.trust(old.Certificate, longer.Certificate)
	if got := certs.Describe(old.Certificate).Subject; got != certs.Describe(longer.Certificate).Subject {
		t.Fatal(got)
	}
	r.quiet(mtd102)
}

func TestRotationStalledQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "02-permissive-default", "11-root-mismatch", "12-cert-expired"} {
		record(t, name).quiet(mtd102)
	}
	r := record(t, healthy)
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd102, diagnose.Secrets)
}
