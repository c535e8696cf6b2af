package checks

import (
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// sidecarOf is the Sidecar that applies to a pod: the oldest of its namespace that selects it,
// else the oldest of its namespace without a selector, else that of the root namespace
// (pilot/pkg/model/push_context.go, getSidecarScope). Nil when there is none. One
// without egress hides nothing.
func sidecarOf(p *diagnose.Pass, pod *mesh.Pod) *kube.Sidecar {
	var selecting, general, root *kube.Sidecar
	for _, s := range p.Resources.Sidecars {
		selects := s.Spec.WorkloadSelector != nil && len(s.Spec.WorkloadSelector.Labels) > 0
		switch {
		case !policy.InRevision(&s.Meta, pod.Revision()):
		case s.Namespace == pod.Namespace && selects && kube.HasLabels(s.Spec.WorkloadSelector.Labels, pod.Labels):
			selecting = older(selecting, s)
		case selects:
		case s.Namespace == pod.Namespace:
			general = older(general, s)
		case s.Namespace == p.MeshConfig(pod.Revision()).Root():
			root = older(root, s)
		}
	}
	for _, s := range []*kube.Sidecar{selecting, general, root} {
		if s != nil {
			return s
		}
	}
	return nil
}

func older(a, b *kube.Sidecar) *kube.Sidecar {
	if a == nil || policy.OldestFirst(&b.Meta, &a.Meta) < 0 {
		return b
	}
	return a
}

// elder says why istiod lets one of two resources win.
func elder(won, lost *kube.Meta) string {
	if won.CreationTimestamp.Equal(lost.CreationTimestamp) {
		return "as old and first by name"
	}
	return "older"
}

func egressHosts(s *kube.Sidecar) []string {
	var out []string
	for _, e := range s.Spec.Egress {
		out = append(out, e.Hosts...)
	}
	return out
}

// covers reports whether a Sidecar imports a host for a port. Without an egress list it imports all.
func covers(s *kube.Sidecar, h *mesh.Host, port uint32) bool {
	return len(s.Spec.Egress) == 0 || slices.ContainsFunc(listenersFor(s, h.Port(port)), func(i int) bool {
		return slices.ContainsFunc(s.Spec.Egress[i].Hosts, func(entry string) bool { return imported(entry, s.Namespace, h) })
	})
}

// listenersFor are the egress listeners of a Sidecar by which it may import a port. All HTTP on one port is one
// listener of the proxy: where one of the Sidecar's has that port, those for all ports do not count
// (pilot/pkg/networking/core/listener.go, buildSidecarOutboundListeners).
func listenersFor(s *kube.Sidecar, port *mesh.Port) []int {
	var own, general []int
	for i, e := range s.Spec.Egress {
		switch {
		case forAllPorts(e):
			general = append(general, i)
		case port != nil && e.Port.Number == int32(port.Number):
			own = append(own, i)
		}
	}
	if len(own) > 0 && port.Protocol == mesh.HTTP {
		return own
	}
	return append(own, general...)
}

// forAllPorts reports whether a listener is for the ports that no other has.
func forAllPorts(e kube.SidecarEgress) bool { return e.Port == nil || e.Port.Number == 0 }

// imported reports whether an entry "namespace/host" names a host; the namespace may be "*" or
// "." (the Sidecar's own), the host a wildcard.
func imported(entry, own string, h *mesh.Host) bool {
	namespace, name, ok := strings.Cut(entry, "/")
	if !ok {
		return false
	}
	if namespace == "." {
		namespace = own
	}
	suffix, wild := strings.CutPrefix(name, "*")
	return (namespace == "*" || namespace == h.Namespace) && (name == h.Name || wild && strings.HasSuffix(h.Name, suffix))
}

// exportHides finds an exportTo that leaves the client's namespace out.
func exportHides(e *handshake.Edge) (ref kube.Ref, field string) {
	if h := e.Server.Host; !exported(h, e.Client.Namespace) {
		return h.Ref, exportField(h)
	}
	return kube.Ref{}, ""
}

// exported reports whether a host may be seen from a namespace (pilot/pkg/model/push_context.go, IsServiceVisible): "~"
// hides it from all, and its own namespace sees it only when it is among those named.
func exported(h *mesh.Host, namespace string) bool {
	to := h.ExportTo
	switch {
	case len(to) == 0 || slices.Contains(to, "*"):
		return true
	case slices.Contains(to, exportToNobody):
		return false
	}
	return slices.Contains(to, namespace) || h.Namespace == namespace && slices.Contains(to, ".")
}

// exportToNobody is the value of exportTo beside which no other counts but "*".
const exportToNobody = "~"

// exportedToo is an exportTo that a namespace is added to.
func exportedToo(to []string, namespace string) []string {
	if slices.Contains(to, exportToNobody) {
		return []string{namespace}
	}
	return append(slices.Clone(to), namespace)
}

// exportField is where a host says whom it is exported to.
func exportField(h *mesh.Host) string {
	if h.Ref.Kind == "Service" {
		return "metadata.annotations[networking.istio.io/exportTo]"
	}
	return "spec.exportTo"
}
