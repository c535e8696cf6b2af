package policy

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// PeerAuthentications is an index of policies. It does not change after it was made, so it is
// safe for concurrent use.
type PeerAuthentications struct {
	root        string
	byNamespace map[string][]*kube.PeerAuthentication // oldest first
}

// NewPeerAuthentications indexes policies; root is the mesh's root namespace.
func NewPeerAuthentications(list []*kube.PeerAuthentication, root string) *PeerAuthentications {
	p := &PeerAuthentications{root: root, byNamespace: map[string][]*kube.PeerAuthentication{}}
	for _, pa := range list {
		if pa != nil {
			p.byNamespace[pa.Namespace] = append(p.byNamespace[pa.Namespace], pa)
		}
	}
	for _, in := range p.byNamespace {
		slices.SortStableFunc(in, func(a, b *kube.PeerAuthentication) int { return OldestFirst(&a.Meta, &b.Meta) })
	}
	return p
}

// ForWorkload returns what the proxy of a workload enforces. Labels are the pod's. Revision is
// that of the istiod which serves the proxy ("default" for an installation without a name);
// an empty revision takes policies of every revision, as an istiod without one does.
func (p *PeerAuthentications) ForWorkload(namespace string, labels map[string]string, revision string) Effective {
	c := p.contenders(namespace, labels, revision)
	b := newBuilder(c)
	b.apply(ScopeMesh, c.mesh)
	b.apply(ScopeNamespace, c.namespace)
	b.apply(ScopeWorkload, c.workload)
	return Effective{Workload: b.d, Ports: b.ports(c.workload)}
}

// ForNamespace returns the mode that istiod assumes of a service's namespace when it builds
// clusters for clients with auto mTLS: workload and port policies do not count
// (pilot/pkg/model/push_context.go, BestEffortInferServiceMTLSMode). Revision is that of the
// client's istiod.
func (p *PeerAuthentications) ForNamespace(namespace, revision string) Derivation {
	c := p.contenders(namespace, nil, revision)
	b := newBuilder(c)
	b.apply(ScopeMesh, c.mesh)
	b.apply(ScopeNamespace, c.namespace)
	return b.d
}

// Oldest returns the policy that decides a scope for a workload, whether it sets a mode or not:
// of several only the oldest counts. It is nil when the scope (mesh, namespace or workload) has
// none. The arguments are those of ForWorkload.
func (p *PeerAuthentications) Oldest(scope Scope, namespace string, labels map[string]string, revision string) *kube.PeerAuthentication {
	c := p.contenders(namespace, labels, revision)
	list := map[Scope][]*kube.PeerAuthentication{ScopeMesh: c.mesh, ScopeNamespace: c.namespace, ScopeWorkload: c.workload}[scope]
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// ScopeOf is the scope in which a policy competes; "" for one that has no part in any, because
// it has a selector and lies in the root namespace.
func (p *PeerAuthentications) ScopeOf(pa *kube.PeerAuthentication) Scope {
	switch inRoot, general := pa.Namespace == p.root, pa.Spec.Selector.Empty(); {
	case general && inRoot:
		return ScopeMesh
	case general:
		return ScopeNamespace
	case inRoot:
		return ""
	}
	return ScopeWorkload
}

// contenders are the policies that could apply, by scope and oldest first, and those that
// look as if they could.
type contenders struct {
	mesh, namespace, workload []*kube.PeerAuthentication
	rootSelector, revision    []*kube.PeerAuthentication
}

// contenders sorts the policies of the namespace and of the root namespace into scopes
// (pilot/pkg/model/authentication.go and pilot/pkg/security/authn/policy_applier.go).
func (p *PeerAuthentications) contenders(namespace string, labels map[string]string, revision string) contenders {
	var c contenders
	for _, pa := range p.byNamespace[p.root] {
		p.sort(&c, pa, labels, revision)
	}
	if namespace != p.root {
		for _, pa := range p.byNamespace[namespace] {
			p.sort(&c, pa, labels, revision)
		}
	}
	return c
}

func (p *PeerAuthentications) sort(c *contenders, pa *kube.PeerAuthentication, labels map[string]string, revision string) {
	switch inRoot := pa.Namespace == p.root; {
	case !pa.Spec.Selector.Matches(labels):
	case !InRevision(&pa.Meta, revision):
		c.revision = append(c.revision, pa)
	case pa.Spec.Selector.Empty() && inRoot:
		c.mesh = append(c.mesh, pa)
	case pa.Spec.Selector.Empty():
		c.namespace = append(c.namespace, pa)
	case inRoot:
		c.rootSelector = append(c.rootSelector, pa)
	default:
		c.workload = append(c.workload, pa)
	}
}

// revisionLabel keeps a resource from the control planes of other revisions.
const revisionLabel = "istio.io/rev"

// InRevision reports whether an istiod of that revision reads a resource: it has no label, or
// the same one, or istiod has no revision (pkg/config/model.go, LabelsInRevision).
func InRevision(m *kube.Meta, revision string) bool {
	want, ok := m.Labels[revisionLabel]
	return !ok || revision == "" || want == revision
}

// OldestFirst is the order in which istiod lets policies win: by creation, and within the
// same second by name and namespace (pilot/pkg/model/config.go, configCompareByCreationTime).
func OldestFirst(a, b *kube.Meta) int {
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Namespace, b.Namespace),
	)
}
