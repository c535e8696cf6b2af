package checks

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// A recording is the evidence of a real mesh, which a test may spoil before checks judge it.
type recording struct {
	*mesh.Evidence
	t     testing.TB
	asked string // the workload that the user names, "naked"
}

const healthy = "01-healthy-strict"

func record(t testing.TB, name string) *recording {
	t.Helper()
	return &recording{Evidence: evidence(t, name), t: t}
}

// proxy is what the proxy of a workload's first pod runs: "shop/server".
func (r *recording) proxy(workload string) *envoy.Proxy {
	r.t.Helper()
	for _, p := range r.Resources.Pods {
		if proxy := r.Proxies[p.Key()]; proxy != nil && strings.HasPrefix(p.Key().String(), workload+"-") {
			return proxy
		}
	}
	r.t.Fatalf("the recording has no proxy of %s", workload)
	return nil
}

// secret is a secret of a workload's proxy.
func (r *recording) secret(workload, name string) *envoy.Secret {
	r.t.Helper()
	p := r.proxy(workload)
	i := slices.IndexFunc(p.Secrets, func(s *envoy.Secret) bool { return s.Name == name })
	if i < 0 {
		r.t.Fatalf("%s has no secret %s", workload, name)
	}
	return p.Secrets[i]
}

// unread forgets a kind of resources, as if listing it was forbidden.
func (r *recording) unread(kind diagnose.Evidence) {
	r.Resources = without(r.Resources, func(k kube.Kind) bool { return k.ID() == string(kind) })
}

// reissue gives every proxy a new certificate and trust bundle of one CA.
func (r *recording) reissue() *testca.CA {
	ca := testca.New(r.CapturedAt)
	for _, p := range r.Proxies {
		for _, s := range p.Secrets {
			switch s.Name {
			case "default":
				s.Chain = ca.Leaf(p.Node.Namespace + "/" + p.Node.ServiceAccount).Chain
			case "ROOTCA":
				s.Bundle = certs.NewBundle(ca.Certificate)
			}
		}
	}
	return ca
}

// trust replaces the bundles of all proxies.
func (r *recording) trust(roots ...*x509.Certificate) {
	for _, p := range r.Proxies {
		for _, s := range p.Secrets {
			if s.Name == "ROOTCA" {
				s.Bundle = certs.NewBundle(roots...)
			}
		}
	}
}

func (r *recording) judge(checks ...*diagnose.Check) *diagnose.Result {
	scope := diagnose.Scope{}
	if r.asked != "" {
		scope.Asked = func(p *mesh.Pod) bool { return p.Workload.Name == r.asked }
	}
	res := diagnose.Run(mesh.New(r.Evidence), checks, scope)
	for _, o := range res.Outcomes {
		for _, u := range o.Unknown {
			if u.Subject.Kind == "Check" {
				r.t.Errorf("%s: %s", u.Subject, u.Why)
			}
		}
	}
	return res
}

// one is the single finding of a check.
func (r *recording) one(check *diagnose.Check) *diagnose.Finding {
	r.t.Helper()
	found := r.judge(check).Findings
	if len(found) != 1 {
		r.t.Fatalf("%d findings, want 1: %s", len(found), lines(found))
	}
	return found[0]
}

// says is what a check finds: severity, subject, field, number of edges, title.
func (r *recording) says(check *diagnose.Check) string { return lines(r.judge(check).Findings) }

func lines(found []*diagnose.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %s [%s] %d: %s", f.Severity, f.Subject, f.Field, len(f.Edges), f.Title))
	}
	return strings.Join(out, "\n")
}

// unknowns are what a check could not judge: "Pod shop/server-1: why".
func (r *recording) unknowns(check *diagnose.Check) []string {
	var out []string
	for _, u := range r.judge(check).Outcomes[0].Unknown {
		out = append(out, u.Subject.String()+": "+u.Why)
	}
	return out
}

// quiet fails the test unless a check looked at something, passed it and found nothing.
func (r *recording) quiet(check *diagnose.Check) {
	r.t.Helper()
	res := r.judge(check)
	if o := res.Outcomes[0]; len(res.Findings) > 0 || o.Passed == 0 {
		r.t.Errorf("passed %d, and found: %s", o.Passed, lines(res.Findings))
	}
}

// blind fails the test unless a check without that evidence says so and nothing else.
func (r *recording) blind(check *diagnose.Check, missing diagnose.Evidence) {
	r.t.Helper()
	o := r.judge(check).Outcomes[0]
	if o.Failed+o.Passed != 0 || len(o.Unknown) != 1 || o.Unknown[0].Subject.Name != string(missing) {
		r.t.Errorf("without %s: %+v", missing, o)
	}
}

func has(t testing.TB, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q does not say %q", text, want)
	}
}

func endpointAddress(ip string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), port)
}
