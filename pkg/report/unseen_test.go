package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestUnseen: one line for each reason, the denial that hides most first, and no fact twice.
func TestUnseen(t *testing.T) {
	listGap := func(kind string) mesh.Gap {
		return mesh.Gap{Subject: kube.Ref{Kind: "List", Name: kind}, Stage: "list", Message: kind + ` is forbidden: User "u" cannot list`, Hint: "grant list on " + kind}
	}
	var r Report
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		r.Coverage.Gaps = append(r.Coverage.Gaps, mesh.Gap{Subject: pod(name), Message: "timed out after 10s", Hint: "raise it"})
	}
	r.Coverage.Gaps = append(r.Coverage.Gaps, listGap("services.core"), listGap("secrets.core"))
	for _, name := range []string{"x", "y"} {
		r.Coverage.Gaps = append(r.Coverage.Gaps, mesh.Gap{Subject: pod(name), Message: `port-forward is forbidden: pods "` + name + `" is forbidden: User "u" cannot`, Hint: "grant it"})
	}
	r.Coverage.Unknown = []CheckUnknown{
		{"MTD1", pod("a"), nil, "the listeners of shop/a were not read"},
		{"MTD2", pod("a"), nil, "shop/a: its proxy's secrets were not read"},
		{"MTD3", kube.Ref{Kind: "Evidence", Name: "services.core"}, nil, "not read"},
		{"MTD4", pod("z"), nil, "the listeners of shop/z were not read"},
		{"MTD4", pod("a"), nil, "a matcher that is not modelled"},
	}
	want := `Not seen, and so neither ok nor wrong:
?    2 pods (shop/x, shop/y): port-forward is forbidden: it is forbidden: User "u" cannot
     fix     grant it
?    not allowed to list: services, secrets (MTD3)
     fix     apply deploy/rbac.yaml
?    5 pods (shop/a, shop/b, shop/c and 2 more): timed out after 10s (MTD1, MTD2)
     fix     raise it
?    Pod shop/z: the listeners were not read (MTD4)
?    Pod shop/a: a matcher that is not modelled (MTD4)
`
	_, got, _ := strings.Cut(render(t, &r, Style{Format: Table}), "\n\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
