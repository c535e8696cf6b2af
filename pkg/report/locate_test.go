package report

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestLocate: a finding is placed where its field stands, and by the resource's name where no file has it.
func TestLocate(t *testing.T) {
	r := &Report{Findings: []Finding{
		{Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "server"}, Field: "spec.host"},
		{Subject: kube.Ref{Kind: "Sidecar", Namespace: "shop", Name: "x"}},
		{Subject: kube.Ref{Kind: "Sidecar", Namespace: "shop", Name: "x"}},
		{Subject: kube.Ref{Kind: "Deployment", Namespace: "shop", Name: "server"}, Severity: "info"},
	}}
	found, blamed := r.Locate(func(subject kube.Ref, field string) *Location {
		if subject.Kind == "Sidecar" || field != "spec.host" {
			return nil
		}
		return &Location{"mesh/shop rules.yaml", 6}
	})
	if found != 1 || blamed != 2 {
		t.Errorf("%d of %d found", found, blamed)
	}
	for i, want := range []sarifPhysical{
		{sarifArtifact{"mesh/shop%20rules.yaml", ""}, sarifRegion{6}},
		{sarifArtifact{"shop/Sidecar/x", inCluster}, sarifRegion{1}},
	} {
		if got := r.Findings[i].sarif(0).Locations[0].Physical; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// TestLocateSuppressed: a finding that is suppressed has its place, whichever of the two comes first.
func TestLocateSuppressed(t *testing.T) {
	find := func(kube.Ref, string) *Location { return &Location{"rules.yaml", 6} }
	accepted := []Suppression{{Code: "MTD301", Subject: "DestinationRule shop/server", Reason: "known"}}
	for name, do := range map[string]func(*Report){
		"first the place": func(r *Report) { r.Locate(find); r.Suppress(accepted) },
		"then the place":  func(r *Report) { r.Suppress(accepted); r.Locate(find) },
	} {
		r := &Report{Findings: []Finding{{Code: "MTD301", Subject: kube.Ref{Kind: "DestinationRule", Namespace: "shop", Name: "server"}}}}
		do(r)
		if got := r.suppressed(); len(got) != 1 || got[0].Finding.Location == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
