package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// changed is a report of a mesh of which one resource was written late, and one made.
func changed() *Report {
	at := func(hour int) time.Time { return time.Date(2026, 11, 24, hour, 0, 0, 0, time.UTC) }
	meta := func(name string, created int, written ...kube.ManagedField) kube.Meta {
		return kube.Meta{Namespace: "shop", Name: name, CreationTimestamp: at(created), ManagedFields: written}
	}
	resources := &kube.Resources{
		DestinationRules: []*kube.DestinationRule{
			{Meta: meta("written", 0, kube.ManagedField{Manager: "kubectl-edit", Time: at(9)})},
			{Meta: meta("old", 0, kube.ManagedField{Manager: "helm", Time: at(0)})},
			{Meta: meta("undated", 0)},
		},
		PeerAuthentications: []*kube.PeerAuthentication{{Meta: meta("made", 8, kube.ManagedField{Manager: "argo\x1b", Time: at(8).Add(-time.Second)})}},
		Services:            []*kube.Service{{Meta: meta("only-status", 0, kube.ManagedField{Time: at(0)}, kube.ManagedField{Time: at(9), Subresource: "status"})}},
		Gateways:            []*kube.Gateway{{Meta: kube.Meta{Name: "timeless"}}},
		Deployments:         []*kube.Controller{{Meta: meta("web", 0, kube.ManagedField{Manager: "kubectl-rollout", Time: at(8).Add(30 * time.Minute)})}},
		Pods:                []*kube.Pod{{Meta: meta("web-1", 0)}, {Meta: meta("web-2", 9)}},
	}
	for _, pod := range resources.Pods {
		pod.OwnerReferences = []kube.OwnerReference{{Kind: "Deployment", Name: "web", Controller: true}}
	}
	resources.MarkRead("deployments.apps")
	subject := kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "written"}
	r := &Report{
		CapturedAt: at(10), seen: &seen{snapshot: mesh.New(&mesh.Evidence{Resources: resources})},
		Findings: []Finding{{Code: "MTD301", Subject: subject}, {Code: "MTD301", Subject: subject}, {Code: "MTD302", Subject: subject}},
	}
	r.ChangedSince(at(8))
	return r
}

func TestChangedSince(t *testing.T) {
	p := newPage(changed(), Style{})
	if err := p.changes(); err != nil {
		t.Fatal(err)
	}
	want := `Changed since 2026-11-24 08:00:00Z: 3 of 7 resources; 1 workload with new pods; what was deleted
    leaves no trace, and the evidence does not say when 2 of them were last written
WHEN                  WHAT              RESOURCE                      BY               MANAGED BY  FINDINGS
2026-11-24 09:00:00Z  1 of 2 pods made  Deployment shop/web           -                -           -
2026-11-24 09:00:00Z  written           DestinationRule shop/written  kubectl-edit     -           MTD301, MTD302
2026-11-24 08:30:00Z  written           Deployment shop/web           kubectl-rollout  -           -
2026-11-24 08:00:00Z  made              PeerAuthentication shop/made  argo\x1b         -           -
`
	if diff := cmp.Diff(want, p.b.String()); diff != "" {
		t.Error(diff)
	}
}

// A window without a change says so; the table keeps short, and -o wide does not.
func TestChangesAreFolded(t *testing.T) {
	r := &Report{Changes: &Changes{Read: 30, Dated: 30}}
	show := func(format Format) string {
		p := newPage(r, Style{Format: format})
		if err := p.changes(); err != nil {
			t.Fatal(err)
		}
		return p.b.String()
	}
	if got := show(Table); !strings.HasSuffix(got, "leaves no trace\n") || !strings.Contains(got, ": 0 of 30 resources; workloads were not read (kubectl rollout") {
		t.Error(got)
	}
	r.Changes.Resources = make([]Change, shownChanges+5)
	if got := show(Table); strings.Count(got, "\n") != shownChanges+4 || !strings.HasSuffix(got, "and 5 more (-o wide shows them)\n") {
		t.Error(got)
	}
	if got := show(Wide); strings.Count(got, "\n") != shownChanges+8 {
		t.Error(got)
	}
}

// Who asks what changed is told in a ticket and on the page too, and a report that was read from a file knows nothing.
func TestChangesElsewhere(t *testing.T) {
	if text := render(t, changed(), Style{Format: Markdown}); !strings.Contains(text, "<summary>Changed since 2026-11-24 08:00:00Z: 4 resources</summary>") {
		t.Error(text)
	}
	page := render(t, &Report{Changes: changed().Changes}, Style{Format: HTML})
	for _, says := range []string{"Changed since 2026-11-24 08:00:00Z: 3 of 7 resources", `<a href="#changes">`, "<td>DestinationRule shop/written</td><td>kubectl-edit</td>", "<td>MTD301, MTD302</td>"} {
		if !strings.Contains(page, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if page := render(t, &Report{}, Style{Format: HTML}); strings.Contains(page, "#changes") {
		t.Error("the page tells of changes that nobody asked about")
	}
	r := &Report{}
	if r.ChangedSince(captured); r.Changes != nil {
		t.Errorf("%+v", r.Changes)
	}
}
