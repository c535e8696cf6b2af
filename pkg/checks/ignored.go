package checks

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// ignoredSeverity is how bad it is that a policy's mode has no effect: an error when a caller
// that it was to let in is refused, or when what it was to protect takes plaintext.
func ignoredSeverity(want, have string, refused bool) diagnose.Severity {
	switch {
	case want == have:
		return diagnose.Info
	case refused, want == string(policy.Strict):
		return diagnose.Error
	}
	return diagnose.Warning
}

// ignoredPolicy judges what a policy that has no effect would do to the workloads that it selects.
func ignoredPolicy(p *diagnose.Pass, pa *kube.PeerAuthentication, field string, selects func(*mesh.Pod) bool) diagnose.Finding {
	f := diagnose.Finding{Subject: policyRef(pa), Field: field, Severity: diagnose.Info}
	want := modeOf(pa)
	for pod := range p.ScopedPods() {
		if !pod.HasProxy() || !selects(pod) {
			continue
		}
		refused := refusedOn(p, pod, want, func(*handshake.Edge) bool { return true })
		s := ignoredSeverity(want, string(p.Mode(pod).Workload.Mode), len(refused) > 0)
		if s.Rank() < f.Severity.Rank() {
			f.Severity = s
		}
		f.Edges = append(f.Edges, refused...)
		if !slices.Contains(f.Workloads, pod.Workload.Ref) {
			f.Workloads = append(f.Workloads, pod.Workload.Ref)
		}
	}
	return f
}

// refusedOn are the calls from outside the mesh that a pod refuses although an ignored policy
// would let them in, as far as it is about them.
func refusedOn(p *diagnose.Pass, pod *mesh.Pod, want string, about func(*handshake.Edge) bool) []*handshake.Edge {
	if want != string(policy.Permissive) && want != string(policy.Disable) {
		return nil
	}
	var out []*handshake.Edge
	for _, e := range p.EdgesInto(pod) {
		if about(e) && outsider(e) && refusedPlain(e) {
			out = append(out, e)
		}
	}
	return out
}

// concerned reports whether the user asked about a namespace: one of its pods, or the whole mesh.
func concerned(p *diagnose.Pass, namespace string) bool {
	for pod := range p.ScopedPods() {
		if pod.Namespace == namespace {
			return true
		}
	}
	return p.Everything()
}
