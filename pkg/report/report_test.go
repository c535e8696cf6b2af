package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var captured = time.Date(2026, 11, 24, 2, 58, 7, 0, time.UTC)

func deployment(name string) kube.Ref {
	return kube.Ref{Kind: "Deployment", Namespace: "shop", Name: name}
}

func pod(name string) kube.Ref { return kube.Ref{Kind: "Pod", Namespace: "shop", Name: name} }

// sample is a report with everything that a report can hold.
func sample() *Report {
	frontend, checkout := deployment("frontend"), deployment("checkout")
	strict := Mode{Mode: "STRICT", From: "PeerAuthentication shop/default", Scope: "namespace"}
	r := &Report{
		APIVersion: APIVersion, Kind: "Report", CapturedAt: captured, Source: mesh.Source{Type: "cluster"},
		Scope: Scope{Namespaces: []string{"shop"}, Targets: []string{}},
		Workloads: []Workload{
			{
				Ref: checkout, Plane: mesh.Sidecar, Pods: Count{2, 2}, Health: Fail, Policy: strict,
				Ports:    []Port{{8080, strict, "STRICT"}, {9090, Mode{Mode: "PERMISSIVE"}, "PERMISSIVE"}},
				Inbound:  Traffic{Total: 5, MTLS: 2, Fails: 2, Unreachable: 1},
				Identity: "spiffe://cluster.local/ns/shop/sa/checkout", Findings: []FindingRef{{"MTD301", "a"}, {"MTD103", "b"}, {"MTD601", "c"}, {"MTD301", "a"}},
				Certificate: &Certificate{NotAfter: captured.Add(9*time.Hour + 32*time.Minute)},
			},
			{
				Ref: deployment("search"), Plane: mesh.Sidecar, Pods: Count{1, 2}, Health: UnknownHealth, Policy: strict, Ports: []Port{},
				Inbound: Traffic{Total: 2, Unknown: 2}, Findings: []FindingRef{}, Unread: map[string]string{"search-2": "timed out"},
			},
			{
				Ref: deployment("old"), Plane: mesh.Sidecar, Pods: Count{1, 1}, Health: OK, Ports: []Port{{80, Mode{}, ""}},
				Findings: []FindingRef{{"MTD601", "d"}}, Certificate: &Certificate{NotAfter: captured},
			},
			{Ref: deployment("batch"), Plane: mesh.NoProxy, Pods: Count{1, 1}, Health: NotApplicable, Ports: []Port{}, Findings: []FindingRef{}},
		},
		EdgeSummary: EdgeSummary{Calls: Traffic{Total: 11, MTLS: 6, Plaintext: 1, Fails: 2, Unknown: 2}, Outside: Traffic{Total: 1, Fails: 1}},
		Findings: []Finding{
			{
				Code: "MTD301", Name: "dr-disable-vs-strict", Fingerprint: "a", Severity: "error", Title: "DestinationRule shop/off turns mTLS off",
				Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "off"}, Field: "spec.trafficPolicy.tls.mode",
				Affects:  affected(checkout, []kube.Ref{frontend, deployment("a"), deployment("b"), deployment("c"), deployment("d")}, 80, 443),
				Evidence: []handshake.Fact{{Layer: handshake.Policy, Source: "DestinationRule shop/off spec.trafficPolicy.tls.mode", Value: "DISABLE"}},
				Fixes:    []Fix{{Title: "drop the tls block", Risk: "none", Command: "kubectl -n shop edit destinationrule off", Manifest: "spec:\n  host: x\n"}},
			},
			{Code: "MTD103", Fingerprint: "b", Severity: "warning", Subject: checkout, Title: "a certificate ends soon", CausedBy: &FindingRef{"MTD301", "a"}, Affects: []Affected{{Server: &checkout}}},
			{Code: "MTD601", Fingerprint: "c", Severity: "info", Subject: deployment("batch"), Title: "STRICT refuses batch"},
			{Code: "MTD601", Fingerprint: "d", Severity: "info", Subject: kube.Ref{Kind: "CertificateAuthority", Name: "O=old"}, Title: "STRICT refuses cron"},
		},
		Unexplained: []Affected{{Client: &frontend, Host: "x.example", Port: 443, Verdict: handshake.Fails, Reason: handshake.TLSVersion}},
		Coverage: Coverage{
			Proxies: Count{14, 15},
			Checks: []CheckOutcome{
				{Code: "MTD103", Name: "certificate-not-yet-valid", Title: "a certificate is not valid yet", Failed: 1},
				{Code: "MTD201", Name: "root-mismatch", Title: "two roots [of one mesh]", Passed: 3},
				{Code: "MTD202", Name: "san-mismatch", Title: "another identity", Passed: 3, Unknown: 1},
				{Code: "MTD203", Name: "trust-domain-mismatch", Title: "two trust domains"},
			},
			Gaps: []mesh.Gap{{Subject: pod("search-2"), Stage: "port-forward", Message: "timed out after 10s", Hint: "raise --proxy-timeout"}},
			Unknown: []CheckUnknown{
				{"MTD301", pod("zt-1"), nil, "shop/zt-1: carried by ztunnel"},
				{"MTD302", pod("zt-1"), nil, "shop/zt-1: carried by ztunnel"},
				{"MTD301", pod("zt-2"), nil, "shop/zt-2 is reached through ztunnel"},
			},
		},
	}
	r.Summary = summary(r)
	return r
}

func affected(server kube.Ref, clients []kube.Ref, ports ...uint32) []Affected {
	var out []Affected
	for _, port := range ports {
		for _, c := range clients {
			out = append(out, Affected{
				Client: &c, Server: &server, Host: server.Name + ".shop.svc.cluster.local", Port: port,
				Verdict: handshake.Fails, Reason: handshake.PlaintextRefused, Pairs: 1,
			})
		}
	}
	return out
}

const wantTable = `shop: FAIL   2 of 11 possible calls fail, 1 plaintext, 6 mTLS, 2 unknown
  (captured 2026-11-24 02:58:07Z, 14 of 15 proxies read)
  callers without a proxy: 1 of 1 possible call fails

WORKLOAD         READ  PROXY    POLICY      ENFORCED  IN mTLS  OUT mTLS  CERT     HEALTH
deploy/checkout  2/2   sidecar  STRICT ns*  per port  2 of 4   none      9h32m    FAIL MTD301 MTD103
deploy/search    1/2   sidecar  STRICT ns   ?         ? of 2   ?         ?        ? 1 pod unread
deploy/old       1/1   sidecar  ?           ?         none     none      expired  ok
deploy/batch     1/1   none     -           -         none     none      -        n/a

FAIL MTD301  DestinationRule shop/off turns mTLS off
     where   DestinationRule shop/off spec.trafficPolicy.tls.mode
     hits    deploy/frontend, deploy/a, deploy/b and 2 more → checkout.shop:80,443: fails
             (plaintext-refused)
     fix     drop the tls block (risk: none)
             kubectl -n shop edit destinationrule off
             spec:
               host: x
     proof   policy   DestinationRule shop/off spec.trafficPolicy.tls.mode: DISABLE

WARN MTD103  a certificate ends soon
     cause   a consequence of MTD301: mend that first
     hits    deploy/checkout itself

info MTD601  STRICT refuses batch
info MTD601  STRICT refuses cron

WARN         calls fail in TLS, and no check explains them
     hits    deploy/frontend → x.example:443: fails (tls-version)
     see     kubectl mtls-doctor edges -o wide

Not seen, and so neither ok nor wrong:
?    Pod shop/search-2: timed out after 10s
     fix     raise --proxy-timeout
?    Pod shop/zt-1: carried by ztunnel (MTD301, MTD302)
?    Pod shop/zt-2: is reached through ztunnel (MTD301)

Next: kubectl mtls-doctor explain MTD301
`

func TestTable(t *testing.T) {
	if diff := cmp.Diff(wantTable, render(t, sample(), Style{Format: Table})); diff != "" {
		t.Error(diff)
	}
}

func TestWideShowsAll(t *testing.T) {
	text := render(t, sample(), Style{Format: Wide})
	for _, want := range []string{
		"deploy/checkout  9090  PERMISSIVE  default                          PERMISSIVE  spiffe://cluster.local/ns/shop/sa/checkout\n",
		"deploy/c, deploy/d", "info MTD601  STRICT refuses batch\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for _, not := range []string{"more", "Next"} {
		if strings.Contains(text, not) {
			t.Errorf("%q in:\n%s", not, text)
		}
	}
}

func TestColorOnlyAdds(t *testing.T) {
	colored := render(t, sample(), Style{Format: Table, Color: true})
	plain := colored
	for _, code := range []string{red, green, yellow, cyan} {
		plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
	}
	plain = strings.ReplaceAll(plain, colorReset, "")
	if colored == plain {
		t.Error("nothing is coloured")
	}
	if diff := cmp.Diff(wantTable, plain); diff != "" {
		t.Error(diff)
	}
}

// TestManyHealthy: of many workloads, the healthy ones are counted.
func TestManyHealthy(t *testing.T) {
	r := sample()
	for range 30 {
		r.Workloads = append(r.Workloads, Workload{Ref: deployment("fine"), Plane: mesh.Sidecar, Health: OK, Findings: []FindingRef{}})
	}
	text := render(t, r, Style{Format: Table})
	if strings.Contains(text, "fine") || !strings.Contains(text, "and 32 workloads: ok or without a proxy (-o wide shows them)\n") {
		t.Errorf("got:\n%s", text)
	}
	if got := strings.Count(render(t, r, Style{Format: Wide}), "deploy/fine"); got != 30 {
		t.Errorf("-o wide shows %d of them", got)
	}
}

func TestHealthyReport(t *testing.T) {
	r := &Report{
		CapturedAt: captured, EdgeSummary: EdgeSummary{Calls: Traffic{Total: 1, MTLS: 1}},
		Workloads: []Workload{{Ref: deployment("a"), Plane: mesh.Sidecar, Pods: Count{1, 1}, Health: OK, Ports: []Port{{80, Mode{Mode: "STRICT", Scope: "mesh"}, "STRICT"}}, Policy: Mode{Mode: "STRICT", Scope: "mesh"}}},
		Coverage:  Coverage{Proxies: Count{1, 1}},
	}
	r.Summary = summary(r)
	want := `all namespaces: ok   1 of 1 possible call is mTLS
  (captured 2026-11-24 02:58:07Z, 1 of 1 proxy read)

WORKLOAD       READ  PROXY    POLICY       ENFORCED  IN mTLS  OUT mTLS  CERT  HEALTH
shop/deploy/a  1/1   sidecar  STRICT mesh  STRICT    none     none      none  ok

Next: kubectl mtls-doctor edges    every call, one by one
`
	if diff := cmp.Diff(want, render(t, r, Style{Format: Table})); diff != "" {
		t.Error(diff)
	}
}

// TestDocuments: JSON and YAML hold the same, and no array is null.
func TestDocuments(t *testing.T) {
	asJSON := render(t, sample(), Style{Format: JSON})
	fromYAML, err := yaml.YAMLToJSON([]byte(render(t, sample(), Style{Format: YAML})))
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal([]byte(asJSON), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(fromYAML, &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("(-json +yaml)\n%s", diff)
	}
	if !strings.Contains(asJSON, `"capturedAt": "2026-11-24T02:58:07Z"`) {
		t.Errorf("no time in UTC: %s", asJSON)
	}
}

func render(t *testing.T, r *Report, style Style) string {
	t.Helper()
	style.Program = "kubectl mtls-doctor"
	var b strings.Builder
	if err := r.Render(&b, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// FuzzForms: whatever a cluster calls its things, no terminal, page or spreadsheet has to obey
// it, and what is written can be read.
func FuzzForms(f *testing.F) {
	f.Add("a", "b")
	f.Add("\x1b[31m", "x: y\n\u202e\xff")
	f.Add("shop/p: ", "-")
	f.Add("]]>", "</details>|`@=1")
	f.Add("\x7f\u0085\uffff\ufeff", "- [x](y)\r\n? null")
	f.Fuzz(func(t *testing.T, name, text string) {
		r := sample()
		ref := kube.Ref{Kind: name, Namespace: name, Name: text}
		r.Scope = Scope{Namespaces: []string{name, text}, Targets: []string{text}, Selector: text, Revision: name}
		r.Workloads[0].Ref, r.Workloads[0].Identity, r.Workloads[0].Ports[0].Policy.From = ref, text, name
		r.Findings[0].Title, r.Findings[0].CausedBy, r.Findings[0].Subject = text, &FindingRef{Code: name}, ref
		r.Findings[0].Evidence = []handshake.Fact{{Layer: handshake.Proxy, Source: name, Value: text}}
		r.Findings[0].Affects = []Affected{{Client: &ref, Server: &ref, Host: text, Port: 1}}
		r.Findings[0].Fixes = []Fix{{Title: text, Risk: name, Command: text, Manifest: name}}
		r.Coverage.Gaps = []mesh.Gap{{Subject: ref, Message: text, Hint: name}}
		r.Coverage.Unknown = []CheckUnknown{{Code: name, Subject: ref, Why: text}}
		r.Coverage.Checks = []CheckOutcome{{Code: name, Name: text, Title: text}}
		for _, format := range Formats() {
			got := render(t, r, Style{Format: format})
			if clean := strings.Join(CleanLines(got), "\n") + "\n"; clean != got && format != JSON && format != YAML {
				t.Fatalf("-o %s holds what Clean takes away (-clean +got):\n%s", format, cmp.Diff(clean, got))
			}
			if read := found[format]; format != Table && format != Wide && format != Name {
				read(t, r, got)
			}
		}
	})
}

// A workload that only suffers is told from one that is the cause, or whose pod is.
func TestHealthTellsCauseFromHit(t *testing.T) {
	checkout := deployment("checkout")
	for _, test := range []struct {
		want string
		f    Finding
	}{
		{"FAIL MTD1", Finding{Subject: checkout}},
		{"FAIL MTD1", Finding{Subject: pod("checkout-5d9f-x"), Workload: &checkout}},
		{"FAIL MTD1", Finding{Subject: kube.Ref{Kind: "CertificateAuthority", Name: "old"}, Affects: []Affected{{Server: &checkout}}}},
		{"FAIL hit by MTD1", Finding{Subject: kube.Ref{Kind: "DestinationRule", Name: "off"}, Affects: []Affected{{Client: &checkout}}}},
	} {
		f := test.f
		f.Code, f.Fingerprint, f.Severity = "MTD1", "x", "error"
		p := newPage(&Report{Findings: []Finding{f}}, Style{})
		w := Workload{Ref: checkout, Health: Fail, Findings: []FindingRef{{"MTD1", "x"}}}
		if got := p.healthCell(&w, " hit by "); got != test.want {
			t.Errorf("%v: %q, want %q", f.Subject, got, test.want)
		}
	}
}

// Mutual TLS may be well where calls fail for another reason: the first line says of what it speaks.
func TestWordOfHealth(t *testing.T) {
	r := &Report{Summary: Summary{Health: OK}}
	if got := r.word(); got != "ok" {
		t.Error(got)
	}
	r.EdgeSummary.Calls.Unreachable = 1
	if got := r.word(); got != "mTLS ok" {
		t.Error(got)
	}
	r.Summary.Health = Warn
	if got := r.word(); got != "WARN" {
		t.Error(got)
	}
}
