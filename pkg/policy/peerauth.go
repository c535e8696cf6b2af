package policy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"

// PeerAuthentications is an index of policies. It does not change after it was made, so it is
// safe for concurrent use.
type PeerAuthentications struct {
	root        string
	byNamespace map[string][]*kube.PeerAuthentication
}

// NewPeerAuthentications indexes policies; root is the mesh's root namespace.
func NewPeerAuthentications(list []*kube.PeerAuthentication, root string) *PeerAuthentications {
	return &PeerAuthentications{root: root}
}

// ForWorkload returns what the proxy of a workload enforces. Labels are the pod's. Revision is
// that of the istiod which serves the proxy ("default" for an installation without a name);
// an empty revision takes policies of every revision, as an istiod without one does.
func (p *PeerAuthentications) ForWorkload(namespace string, labels map[string]string, revision string) Effective {
	return Effective{}
}

// ForNamespace returns the mode that istiod assumes of a service's namespace when it builds
// clusters for clients with auto mTLS: workload and port policies do not count. Revision is
// that of the client's istiod.
func (p *PeerAuthentications) ForNamespace(namespace, revision string) Derivation {
	return Derivation{}
}
