package policy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"

// ClientTLS is the TLS that DestinationRules ask of a client for one host, port and subset.
type ClientTLS struct {
	Mode  TLSMode               // TLSAuto: no tls block, so auto mTLS decides
	Rule  *kube.DestinationRule // whose field decided, or else the rule that applies; nil: none applies
	Field string                // where Mode is; the tls block when it has no mode; "" when no tls block counts
	TLS   *kube.ClientTLS       // the tls block, nil when none counts

	Named  *kube.DestinationRule   // what the cluster's metadata names (istio.config): the oldest of Merged
	Merged []*kube.DestinationRule // every rule that was merged into the one that applies
	Host   string                  // the host that matched, resolved: "*.shop.svc.cluster.local"

	// DroppedTLS is the field of a tls block of the same rule that would count, were it not for
	// DroppedBy: port-level settings replace everything, tls included.
	DroppedTLS, DroppedBy string

	// EndpointMode is the mode by which istiod marks endpoints as tlsMode istio (ISTIO_MUTUAL:
	// all of them, any other: none, TLSAuto: by their own label). It differs from Mode where
	// port-level settings dropped the tls block, because istiod reads it by another rule there.
	EndpointMode TLSMode

	LoadBalancer    string // the simple load balancer that counts, "" for the default
	Passthrough     bool   // the rule makes the cluster ORIGINAL_DST
	EndpointsDecide bool   // auto mTLS looks at the endpoints, because the rule says PASSTHROUGH where istiod looks
	NoSubset        bool   // the subset is not defined: there is no such cluster
	HasSelector     bool   // the rule has a workloadSelector, without which credentialName is ignored on sidecars

	Shadowed []Shadowed[kube.DestinationRule]
	Steps    []string // the way from lookup to mode, a sentence a step
}
