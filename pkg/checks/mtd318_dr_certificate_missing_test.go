package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const fileMissing = "dr-file-missing"

func TestDRCertificateMissing(t *testing.T) {
	f := truth(t, fileMissing).one(mtd318)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule shop/server [spec.trafficPolicy.tls.clientCertificate] 21: "+
		"DestinationRule shop/server names files /etc/none/c.pem, /etc/none/k.pem, /etc/none/ca.pem that no proxy has; its new config waits for them, and the one before it (plaintext) stays in force")
	hasFix(t, f, dropPolicy)
	has(t, f.Fixes[len(f.Fixes)-1].Title, "userVolumeMount")
	has(t, f.Evidence[0].Source, "active clusters/outbound|80||server.shop")
	has(t, f.Evidence[0].Value, "plaintext, last updated 2026-11-24T19:12:00Z")
	has(t, f.Evidence[1].Source, "warming clusters/outbound|80||server.shop")
	has(t, f.Evidence[1].Value, "file-cert:/etc/none/c.pem~/etc/none/k.pem, file-root:/etc/none/ca.pem, last updated 2026-11-24T19:12:10Z")
	has(t, f.Evidence[3].Value, "warming")
}

// Nobody else is blamed, and what every proxy waits for is one consequence.
func TestDRCertificateMissingIsTheOnlyCause(t *testing.T) {
	res := truth(t, fileMissing).judge(All()...)
	want := []cause{{"MTD318", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.clientCertificate"}}
	if diff := cmp.Diff(want, causes(res), cmp.AllowUnexported(cause{})); diff != "" {
		t.Error(diff)
	}
	var folded []*diagnose.Finding
	for _, f := range res.Findings {
		complete(t, f)
		if f.Check == mtd401 {
			folded = append(folded, f)
		}
	}
	has(t, lines(folded), "DestinationRule shop/server [spec.trafficPolicy.tls] 0: 8 workloads wait for files or credentials")
	if len(folded) != 1 || folded[0].CausedBy == nil {
		t.Error(lines(folded))
	}
	accounted(t, res)
}

// restarted makes the warming clusters of all proxies the only ones, as after a restart.
func (r *recording) restarted() *recording {
	for _, p := range r.Proxies {
		warm := func(name string) bool {
			return slices.ContainsFunc(p.Clusters, func(c *envoy.Cluster) bool { return c.Name == name && c.State == envoy.Warming })
		}
		p.Clusters = slices.DeleteFunc(p.Clusters, func(c *envoy.Cluster) bool { return c.State == envoy.Active && warm(c.Name) })
		for _, c := range p.Clusters {
			c.State = envoy.Active
		}
	}
	return r
}

// After a restart there is no older config: the clusters are active and wait.
func TestDRCertificateMissingAfterRestart(t *testing.T) {
	res := truth(t, fileMissing).restarted().judge(All()...)
	want := []cause{{"MTD318", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.clientCertificate"}}
	if diff := cmp.Diff(want, causes(res), cmp.AllowUnexported(cause{})); diff != "" {
		t.Error(diff)
	}
	has(t, lines(res.Findings), "that no proxy has; connections to server.shop wait for them and fail")
}

// A rule that finds auto mTLS in force leaves that cluster as it is, while its endpoints, which are sent
// anew, lose their mark: plaintext again.
func TestDRCertificateMissingOverAutoMTLS(t *testing.T) {
	r := truth(t, fileMissing)
	for _, p := range r.Proxies {
		i := slices.IndexFunc(p.Clusters, func(c *envoy.Cluster) bool { return len(c.Matches) > 0 })
		for _, c := range p.Clusters {
			if c.State == envoy.Active && strings.HasSuffix(c.Name, "||server.shop.svc.cluster.local") {
				c.Matches, c.Config = p.Clusters[i].Matches, ""
			}
		}
	}
	f := r.one(mtd318)
	has(t, f.Title, "stays in force")
	want := []cause{{"MTD318", diagnose.Error, "DestinationRule shop/server", "spec.trafficPolicy.tls.clientCertificate"}}
	if diff := cmp.Diff(want, causes(r.judge(All()...)), cmp.AllowUnexported(cause{})); diff != "" {
		t.Error(diff)
	}
}

// A sidecar ignores credentialName in a rule that does not select it.
func TestDRCredentialIgnored(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	rule := r.rule("shop", "server")
	rule.Spec.TrafficPolicy.TLS = &kube.ClientTLS{Mode: "SIMPLE", CredentialName: "nope"}
	f := r.one(mtd318)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule shop/server [spec.trafficPolicy.tls.credentialName] 21: DestinationRule shop/server has a credentialName and no workloadSelector: the sidecars of")
	has(t, f.Fixes[len(f.Fixes)-1].Command, "get secret nope")
	hasFix(t, f, dropPolicy)

	rule.Spec.WorkloadSelector = r.selector("app", "client")
	r.silent(mtd318)
}

// Where the old plaintext still gets in, the rule is not in force and nothing fails.
func TestDRCertificateMissingIsAWarningWhereItWorks(t *testing.T) {
	r := record(t, "02-permissive-default")
	from := truth(t, fileMissing)
	r.Resources.DestinationRules = from.Resources.DestinationRules
	for key, p := range r.Proxies {
		for _, c := range p.Clusters {
			if strings.HasSuffix(c.Name, "|80||server.shop.svc.cluster.local") {
				wait(p, c)
			}
		}
		r.Proxies[key] = p
	}
	has(t, r.says(mtd318), "warning DestinationRule shop/server")
}

// wait adds a newer version of a cluster that waits for a file.
func wait(p *envoy.Proxy, c *envoy.Cluster) {
	const name = "file-cert:/a~/b"
	p.Clusters = append(p.Clusters, &envoy.Cluster{
		Name: c.Name, Freshness: envoy.Freshness{State: envoy.Warming},
		Socket: &envoy.TransportSocket{Kind: envoy.TLS, TLS: &envoy.TLSContext{Certificates: []envoy.CertificateRef{{SDS: name}}}},
	})
	p.Secrets = append(p.Secrets, &envoy.Secret{Name: name, Freshness: envoy.Freshness{State: envoy.Warming}})
}

func TestCertificateNames(t *testing.T) {
	for want, names := range map[string][]string{
		"file /ca.pem":                   {"file-root:/ca.pem"},
		"files /c.pem, /k.pem":           {"file-cert:/c.pem~/k.pem"},
		"credential web":                 {"kubernetes://web", "kubernetes://web-cacert"},
		"file /ca.pem and credential ns": {"file-root:/ca.pem", "kubernetes://ns"},
	} {
		if got := certificateNames(names); got != want {
			t.Errorf("%q: %q", names, got)
		}
	}
}

func TestDRCertificateMissingQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd318)
	mounted := truth(t, fileMissing)
	for _, p := range mounted.Proxies {
		for _, s := range p.Secrets {
			s.State = envoy.Active
		}
	}
	mounted.quiet(mtd318)
	blinded(t, "04-dr-simple-in-mesh", mtd318)
	unseenProxy(t, "04-dr-simple-in-mesh", "pay/client", mtd318)
}
