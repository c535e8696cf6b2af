package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// connectionLists are the lists that say who can call whom.
var connectionLists = []string{"pods.core", "services.core", "endpointslices.discovery.k8s.io"}

// Unlisted names the lists that were not read and without which connections may be missing: what is
// not told of then is neither right nor wrong.
func Unlisted(s *mesh.Snapshot) []string {
	out := []string{}
	for _, id := range connectionLists {
		if kind, ok := kube.KindByID(id); ok && !s.Resources.HasRead(id) {
			out = append(out, kind.Plural)
		}
	}
	return out
}

// unlistedKinds are the IDs of optional kinds that were not listed: that leaves no gap.
func unlistedKinds(r *kube.Resources) []string {
	out := []string{}
	for _, k := range kube.Kinds() {
		if k.Optional && !r.HasRead(k.ID()) {
			out = append(out, k.ID())
		}
	}
	return out
}

// sayUnlisted says under a table, or instead of one, what it lacks.
func sayUnlisted(w io.Writer, lists []string, style Style) error {
	if len(lists) == 0 {
		return nil
	}
	_, err := io.WriteString(w, style.fold(fmt.Sprintf("Not read: the list of %s. Connections may be missing here.", strings.Join(lists, ", "))))
	return err
}
