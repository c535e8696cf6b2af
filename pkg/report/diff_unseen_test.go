package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// What the later report could not look for is not gone: one finding, and what of the later report hides it.
func TestDiffUnseen(t *testing.T) {
	client, server := deployment("client"), deployment("server")
	rule := Finding{
		Code: "MTD301", Fingerprint: "x", Severity: "error", Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "off"},
		Affects: []Affected{{Client: &client, Server: &server}},
	}
	expired := Finding{Code: "MTD101", Fingerprint: "x", Severity: "error", Subject: pod("solo-dfcbd866f-78kcw"), Workload: ownerOf(pod("solo-dfcbd866f-78kcw"))}
	root := Finding{Code: "MTD105", Fingerprint: "x", Severity: "error", Subject: kube.Ref{Kind: "CertificateAuthority", Name: "O=old"}}
	list := func(id string) []mesh.Gap { return []mesh.Gap{{Subject: kube.Ref{Kind: "List", Name: id}}} }
	part := func(stage string) []mesh.Gap {
		return []mesh.Gap{{Subject: kube.Ref{Kind: "Bundle", Name: "kubernetes"}, Stage: stage}}
	}
	gaps := func(list []mesh.Gap) *Report { return &Report{Coverage: Coverage{Gaps: list}} }
	unknown := func(code string, subject kube.Ref) *Report {
		return &Report{Coverage: Coverage{Unknown: []CheckUnknown{{code, subject, ownerOf(subject), "not read"}}}}
	}
	workload := func(w Workload) *Report { return &Report{Workloads: []Workload{w}} }
	scoped := func(s Scope) *Report { return &Report{Scope: s} }
	route := Finding{Code: "MTD613", Fingerprint: "x", Severity: "error", Subject: kube.Ref{Kind: "HTTPRoute", Namespace: "shop", Name: "web"}}
	listed := func(ids ...string) *Report { // of kinds that are no gap when they were not
		resources := &kube.Resources{}
		for _, id := range ids {
			resources.MarkRead(id)
		}
		return &Report{Coverage: Coverage{Unlisted: unlistedKinds(resources)}}
	}
	evidence := kube.Ref{Kind: "Evidence", Name: "meshconfig"}
	tests := map[string]struct {
		finding Finding
		after   *Report
		want    string // why it is not seen; "" for fixed
	}{
		"all was read":                      {rule, &Report{}, ""},
		"who is called was not listed":      {rule, gaps(list("services.core")), "the list of services was not read"},
		"what it blames was not listed":     {rule, gaps(list("destinationrules.networking.istio.io")), "the list of destinationrules.networking.istio.io was not read"},
		"another kind was not listed":       {rule, gaps(list("sidecars.networking.istio.io")), ""},
		"an add-on was not listed":          {route, listed("grpcroutes.gateway.networking.k8s.io"), "the list of httproutes.gateway.networking.k8s.io was not read"},
		"an add-on was listed":              {route, listed("httproutes.gateway.networking.k8s.io"), ""},
		"there are no resources":            {rule, gaps(part("list")), "Bundle kubernetes was not read"},
		"the time is not certain":           {rule, gaps(part("time")), ""},
		"a proxy of an end was not read":    {rule, workload(Workload{Ref: server, Pods: Count{1, 2}}), "not every proxy of Deployment shop/server was read"},
		"a proxy was cut":                   {rule, workload(Workload{Ref: client, Pods: Count{1, 1}, Missing: []string{"clusters"}}), "not every proxy of Deployment shop/client was read"},
		"a proxy of another was not read":   {rule, workload(Workload{Ref: deployment("other"), Pods: Count{0, 1}}), ""},
		"its check could not judge an end":  {rule, unknown("MTD301", pod("server-5d9f-x")), "Pod shop/server-5d9f-x: not read"},
		"its check could not judge another": {rule, unknown("MTD301", pod("serverless-5d9f-x")), ""},
		"another check could not":           {rule, unknown("MTD302", pod("server-5d9f-x")), ""},
		"its check did not run":             {rule, unknown("MTD301", evidence), "meshconfig: not read"},
		"another check did not run":         {rule, unknown("MTD302", evidence), ""},
		"its pod was not read":              {expired, unknown("MTD101", pod("solo-dfcbd866f-x2x4l")), "Pod shop/solo-dfcbd866f-x2x4l: not read"},
		"another pod was not read":          {expired, unknown("MTD101", pod("duo-dfcbd866f-x2x4l")), ""},
		"anybody could show it":             {root, unknown("MTD105", pod("duo-dfcbd866f-x2x4l")), "Pod shop/duo-dfcbd866f-x2x4l: not read"},
		"another namespace was asked about": {rule, scoped(Scope{Namespaces: []string{"pay"}}), "it is about pay"},
		"a part of it was asked about":      {rule, scoped(Scope{Namespaces: []string{"shop"}, Selector: "app=x"}), "it is about shop -l app=x"},
		"more was asked about":              {rule, scoped(Scope{Namespaces: []string{"pay", "shop"}}), ""},
	}
	for name, test := range tests {
		before := &Report{Scope: Scope{Namespaces: []string{"shop"}}, Findings: []Finding{test.finding}}
		d := compareFindings(before, test.after)
		got := ""
		for _, x := range d.Unseen {
			got += x.Why
		}
		if got != test.want || len(d.Fixed)+len(d.Unseen) != 1 {
			t.Errorf("%s: %q, want %q; %d are fixed", name, got, test.want, len(d.Fixed))
		}
		r := *test.after
		if r.Against(before); r.Baseline.Unseen != len(d.Unseen) || r.Baseline.Fixed != len(d.Fixed) {
			t.Errorf("%s: of the baseline %+v", name, r.Baseline)
		}
	}
	before := gaps(list("services.core"))
	before.Findings = []Finding{rule}
	if d := compareFindings(before, gaps(list("services.core"))); len(d.Fixed) != 1 {
		t.Error("it was found without that list, and is not looked for without it")
	}
}

// ownerOf is the Deployment of a pod, which is named after it up to the first dash.
func ownerOf(ref kube.Ref) *kube.Ref {
	name, _, isPod := strings.Cut(ref.Name, "-")
	if !isPod {
		return nil
	}
	owner := deployment(name)
	return &owner
}

// Of a finding that is still there, the calls that could not be looked at are not said to be well.
func TestDiffUnseenCalls(t *testing.T) {
	client, server, other := deployment("client"), deployment("server"), deployment("other")
	finding := func(hits ...Affected) *Report {
		return &Report{Findings: []Finding{{Code: "MTD301", Fingerprint: "x", Affects: hits}}}
	}
	before := finding(Affected{Client: &client, Server: &server}, Affected{Client: &client, Server: &other})
	after := finding(Affected{Client: &client, Server: &other})
	if d := compareFindings(before, after); len(d.Changed) != 1 || d.Changed[0].What[0] != "hits 1 call no longer" {
		t.Errorf("%+v", d)
	}
	after.Workloads = []Workload{{Ref: server, Pods: Count{0, 1}}}
	if d := compareFindings(before, after); d.Unchanged != 1 {
		t.Errorf("%+v", d.Changed)
	}
	after.Findings = before.Findings // another replica tells
	if d := compareFindings(before, after); d.Unchanged != 1 {
		t.Errorf("%+v", d.Changed)
	}
}

// What could not be looked for is told in a list of its own, and makes the difference incomplete.
func TestDiffUnseenIsTold(t *testing.T) {
	before, after := compared()
	after.Report.Coverage.Unknown = []CheckUnknown{{"MTD1", pod("b-5d9f-x"), ownerOf(pod("b-5d9f-x")), "its proxy was not read"}}
	d := Compare(before, after)
	const says = "\n1 finding could not be looked for\n?    MTD1  title 1\n     why     Pod shop/b-5d9f-x: its proxy was not read\n"
	for format, text := range map[Format]string{Table: says, Markdown: says, JSON: `"why": "Pod shop/b-5d9f-x: its proxy was not read"`} {
		var b strings.Builder
		if err := d.Render(&b, Style{Format: format}); err != nil || !strings.Contains(b.String(), text) {
			t.Errorf("-o %s: %v: no %s in\n%s", format, err, text, b.String())
		}
	}
	if !d.Incomplete(Gate{}) || d.Incomplete(Gate{AllowPartial: true}) {
		t.Error("nothing says that the difference is incomplete")
	}
	if !strings.HasPrefix(d.sentence(), "findings: 1 new, 1 changed, 1 unseen, 1 as before; ") {
		t.Error(d.sentence())
	}
	after.Report.Scope.Namespaces, after.Report.Coverage = []string{"pay"}, Coverage{}
	if d = Compare(before, after); len(d.Findings.Unseen) != 1 || d.Incomplete(Gate{}) {
		t.Error("evidence is missing where something else was asked about")
	}
	r := after.Report
	r.Against(before.Report)
	if flat := strings.Join(strings.Fields(render(t, r, Style{Format: Table})), " "); !strings.Contains(flat, " 2 new, 0 gone, 1 could not be looked for ") {
		t.Error(flat)
	}
}

// A list of edges that lacks some, or verdicts of some, is incomplete as it is for `edges`.
func TestDiffIncompleteEdges(t *testing.T) {
	calls := func(edges ...Edge) *Side { return &Side{DiffSide: DiffSide{Name: "x"}, HasEdges: true, Edges: edges} }
	mtls := Edge{Server: Server{Pod: "b"}, Verdict: handshake.MTLS}
	unread, outside := mtls, Edge{Server: Server{Host: "x.example"}, Verdict: handshake.Unknown}
	unread.Verdict = handshake.Unknown
	unlisted := calls()
	unlisted.Unlisted = []string{"services", "endpointslices"}
	for name, test := range map[string]struct {
		after *Side
		want  bool
	}{
		"all is known": {calls(mtls), false}, "one is unknown": {calls(unread), true},
		"one of the world outside is": {calls(mtls, outside), false}, "lists were not read": {unlisted, true},
	} {
		if got := Compare(calls(mtls), test.after).Incomplete(Gate{}); got != test.want {
			t.Errorf("%s: incomplete %t", name, got)
		}
	}
	d := Compare(calls(mtls), unlisted)
	if d.Calls.Gone != 0 || d.Calls.Missing != 1 {
		t.Errorf("what is not listed is gone: %+v", d.Calls)
	}
	var b strings.Builder
	if err := d.Render(&b, Style{Format: Table}); err != nil {
		t.Fatal(err)
	}
	if flat := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(flat, "calls: 1 not listed") ||
		!strings.Contains(flat, ", without the list of services, endpointslices: connections may be missing") {
		t.Error(b.String())
	}
}

// What is suppressed on either side: accepted now, it is neither gone nor fixed; accepted before and open now, it is new.
func TestDiffSuppressed(t *testing.T) {
	open := &Report{CapturedAt: captured, Findings: []Finding{{Code: "MTD301", Fingerprint: "x", Severity: "error", Title: "off"}}}
	accepted := &Report{CapturedAt: captured, Findings: []Finding{}, Suppressions: &Suppressions{Suppressed: []SuppressedFinding{{Finding: open.Findings[0], Reason: "agreed"}}}}
	tally := func(before, after *Report) (findings string, b Baseline) {
		d := Compare(&Side{Report: before}, &Side{Report: after})
		r := *after
		r.Findings = append([]Finding{}, after.Findings...)
		r.Against(before)
		return d.sentence(), *r.Baseline
	}
	says, b := tally(open, accepted)
	if diff := cmp.Diff(Baseline{CapturedAt: captured}, b); diff != "" || says != "findings: 1 suppressed" {
		t.Error(says, diff)
	}
	says, b = tally(accepted, open)
	if diff := cmp.Diff(Baseline{CapturedAt: captured}, b); diff != "" || says != "findings: 1 new" {
		t.Error(says, diff)
	}
	d := Compare(&Side{Report: open}, &Side{Report: accepted})
	for format, says := range map[Format]string{Table: "  suppressed: 1 finding: MTD301 of ", Markdown: "suppressed: 1 finding: MTD301 of ", JSON: `"reason": "agreed"`} {
		var b strings.Builder
		if err := d.Render(&b, Style{Format: format}); err != nil || !strings.Contains(b.String(), says) {
			t.Errorf("-o %s: %v: no %s in\n%s", format, err, says, b.String())
		}
	}
	if d.Fails(Gate{FailOn: "info"}) {
		t.Error("what is suppressed fails the run")
	}
}
