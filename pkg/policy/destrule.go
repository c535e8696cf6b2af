package policy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"

// Config is the part of the mesh config on which the lookup of DestinationRules depends.
type Config struct {
	RootNamespace   string
	Domain          string   // completes short hosts, "cluster.local" when empty
	DefaultExportTo []string // defaultDestinationRuleExportTo; nil means "*"
}

// DestinationRules is an index of rules. It does not change after it was made, so it is safe
// for concurrent use.
type DestinationRules struct{}

// NewDestinationRules indexes rules.
func NewDestinationRules(rules []*kube.DestinationRule, cfg Config) *DestinationRules {
	return &DestinationRules{}
}

// Query asks what a client's proxy does on its way to a host.
type Query struct {
	ClientNamespace  string
	ClientLabels     map[string]string // of the client's pod
	Revision         string            // of the client's istiod, see PeerAuthentications.ForWorkload
	ServiceNamespace string            // of the Service or ServiceEntry, "" when unknown
	Host             string            // the host as Istio's registry has it, "server.shop.svc.cluster.local"
	Port             int32             // the service port
	Subset           string            // "" for none
}

// Effective returns the TLS that the rules ask for, after lookup and merging.
func (d *DestinationRules) Effective(q Query) ClientTLS { return ClientTLS{} }
