package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// allListed is a snapshot of a cluster without anything, all lists of which were read.
func allListed() *mesh.Snapshot {
	r := &kube.Resources{}
	for _, id := range connectionLists {
		r.MarkRead(id)
	}
	return mesh.New(&mesh.Evidence{Resources: r})
}

// Nothing that was found without the lists that would show it is not the same as nothing.
func TestUnlisted(t *testing.T) {
	if got := Unlisted(allListed()); len(got) > 0 {
		t.Error(got)
	}
	r := &kube.Resources{}
	r.MarkRead("pods.core")
	s := mesh.New(&mesh.Evidence{Resources: r})
	if diff := cmp.Diff([]string{"services", "endpointslices"}, Unlisted(s)); diff != "" {
		t.Error(diff)
	}
	const says = "Not read: the list of services, endpointslices. Connections may be missing here.\n"
	for _, format := range []Format{Table, Wide} {
		var b strings.Builder
		if err := RenderEdges(&b, s, nil, Style{Format: format}); err != nil || !strings.HasSuffix(b.String(), says) {
			t.Errorf("%s: %v: %s", format, err, b.String())
		}
		if got := drawn(t, NewMatrix(s, slices.Values(calls()[:0]), ByWorkload), Style{Format: format}); !strings.HasSuffix(got, says) {
			t.Errorf("%s: %s", format, got)
		}
	}
}
