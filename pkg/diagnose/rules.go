package diagnose

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// rules answer once for all clients that get the same answer.
type rules struct {
	index *policy.DestinationRules
	// selective says that a rule selects clients by their labels.
	selective bool
	known     map[question]policy.ClientTLS
}

// question is what the answer depends on.
type question struct {
	namespace, revision string
	client              *mesh.Pod // nil unless labels matter
	host                *mesh.Host
	port                uint32
	subset              string
}

func newRules(list []*kube.DestinationRule, cfg policy.Config) *rules {
	return &rules{
		index:     policy.NewDestinationRules(list, cfg),
		selective: slices.ContainsFunc(list, func(r *kube.DestinationRule) bool { return r.Spec.WorkloadSelector != nil }),
		known:     map[question]policy.ClientTLS{},
	}
}

// of is what the rules ask of the client's proxy on an edge, for the destination to which its routes lead.
// An edge to a host that no registry knows has none.
func (r *rules) of(e *handshake.Edge) policy.ClientTLS {
	host, port := e.SentTo()
	if host == nil {
		return policy.ClientTLS{}
	}
	q := question{namespace: e.Client.Namespace, revision: e.Client.Revision(), host: host, port: port, subset: e.Server.Subset}
	if r.selective {
		q.client = e.Client
	}
	if c, ok := r.known[q]; ok {
		return c
	}
	c := r.index.Effective(policy.Query{
		ClientNamespace: q.namespace, ClientLabels: e.Client.Labels, Revision: q.revision,
		ServiceNamespace: q.host.Namespace, Host: q.host.Name, Port: int32(q.port), Subset: q.subset,
	})
	r.known[q] = c
	return c
}
