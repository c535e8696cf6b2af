package checks

import (
	"maps"
	"slices"
	"strconv"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// markFix makes a ServiceEntry, or the WorkloadEntry that a finding blames, say that the endpoints of
// its edges do mutual TLS; not offered unless that heals.
func markFix(p *diagnose.Pass, f *diagnose.Finding) []diagnose.Fix {
	var m marker
	w := rewrite(p, func(r *kube.Resources) {
		r.ServiceEntries, r.WorkloadEntries = slices.Clone(r.ServiceEntries), slices.Clone(r.WorkloadEntries)
		if f.Subject.Kind == "WorkloadEntry" {
			m.workloadEntry(r.WorkloadEntries, f)
		} else {
			m.serviceEntry(r.ServiceEntries, f)
		}
	})
	host, _ := f.Edges[0].SentTo()
	if len(m.operations) == 0 || !w.heals(f.Edges, func(h *mesh.Host) bool { return h.Ref == host.Ref }) {
		return nil
	}
	fix := diagnose.Fix{Title: "say in " + f.Subject.String() + " that the endpoint does mutual TLS, and as whom", Command: jsonPatch(f.Subject, m.operations...)}
	if m.anonymous {
		fix.Title = "say in " + f.Subject.String() + " that the endpoint does mutual TLS"
		fix.Risk = "its clients then take any identity of the mesh for it; subjectAltNames of the ServiceEntry can name the right one"
	}
	return []diagnose.Fix{fix}
}

// marker edits entries, and notes how.
type marker struct {
	operations []string
	anonymous  bool // an endpoint is marked without an identity
}

func (m *marker) workloadEntry(list []*kube.WorkloadEntry, f *diagnose.Finding) {
	i := slices.IndexFunc(list, func(we *kube.WorkloadEntry) bool {
		return we.Namespace == f.Subject.Namespace && we.Name == f.Subject.Name
	})
	if i < 0 {
		return
	}
	edited := *list[i]
	m.mark(&edited.Spec, edited.Namespace, "/spec", f.Edges[0].Server.Pod)
	list[i] = &edited
}

func (m *marker) serviceEntry(list []*kube.ServiceEntry, f *diagnose.Finding) {
	i := slices.IndexFunc(list, func(se *kube.ServiceEntry) bool {
		return se.Namespace == f.Subject.Namespace && se.Name == f.Subject.Name
	})
	if i < 0 {
		return
	}
	edited := *list[i]
	if edited.Spec.Location != "MESH_INTERNAL" {
		edited.Spec.Location = "MESH_INTERNAL"
		m.operations = append(m.operations, set("/spec/location", `"MESH_INTERNAL"`))
	}
	edited.Spec.Endpoints = slices.Clone(edited.Spec.Endpoints)
	for n := range edited.Spec.Endpoints {
		we := &edited.Spec.Endpoints[n]
		at := slices.IndexFunc(f.Edges, func(e *handshake.Edge) bool { return e.Server.Address.Addr().String() == we.Address })
		if at >= 0 && we.ServiceAccount == "" && we.Labels[tlsMode] == "" {
			m.mark(we, edited.Namespace, "/spec/endpoints/"+strconv.Itoa(n), f.Edges[at].Server.Pod)
		}
	}
	list[i] = &edited
}

// mark gives an endpoint the service account of its pod, which istiod takes for one of the entry's
// namespace; to a pod of another namespace the label.
func (m *marker) mark(we *kube.WorkloadEntrySpec, namespace, pointer string, pod *mesh.Pod) {
	if account := pod.Spec.ServiceAccountName; account != "" && pod.Namespace == namespace {
		we.ServiceAccount = account
		m.operations = append(m.operations, set(pointer+"/serviceAccount", jsonText(account)))
		return
	}
	m.anonymous = true
	m.operations = append(m.operations, labelOperation(*we, pointer, "istio"))
	labels := map[string]string{tlsMode: "istio"}
	maps.Copy(labels, we.Labels)
	we.Labels = labels
}

// labelOperation sets the label by which an entry says whether its endpoint does mutual TLS.
func labelOperation(we kube.WorkloadEntrySpec, pointer, mode string) string {
	if len(we.Labels) == 0 {
		return set(pointer+"/labels", "{"+jsonText(tlsMode)+":"+jsonText(mode)+"}")
	}
	return set(pointer+"/labels/security.istio.io~1tlsMode", jsonText(mode))
}
