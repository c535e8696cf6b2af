package checks

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
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

// refusedOn are the calls from outside the mesh that a pod refuses although an ignored policy
// would let them in. Port is that of the Service, 0 stands for all.
func refusedOn(p *diagnose.Pass, pod *mesh.Pod, port uint32, want string) []*handshake.Edge {
	if want != string(policy.Permissive) && want != string(policy.Disable) {
		return nil
	}
	var out []*handshake.Edge
	for e := range p.Edges() {
		if e.Server.Pod == pod && (port == 0 || e.Server.Port == port) && outsider(e) && refusedPlain(e) {
			out = append(out, e)
		}
	}
	return out
}
