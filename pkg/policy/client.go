package policy

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// ClientTLS is the TLS that DestinationRules ask of a client for one host, port and subset.
type ClientTLS struct {
	Mode  TLSMode               // TLSAuto: no tls block, so auto mTLS decides
	Rule  *kube.DestinationRule // whose field decided, or else the rule that applies; nil: none applies
	Field string                // where Mode is; the tls block when it has no mode; "" when no tls block counts
	TLS   *kube.ClientTLS       // the tls block, nil when none counts

	Named  *kube.DestinationRule   // what the cluster's metadata names (istio.config): the first of Merged
	Merged []*kube.DestinationRule // every rule that was merged into the one that applies
	Host   string                  // the host that matched, resolved: "*.shop.svc.cluster.local"

	// DroppedTLS is the field of a tls block that would count, were it not for DroppedBy:
	// port-level settings replace the whole policy, tls included.
	DroppedTLS, DroppedBy string

	// EndpointMode is the mode by which istiod marks endpoints, see MarksEndpoint. It differs
	// from Mode where port-level settings dropped the tls block: istiod reads it by another
	// rule there.
	EndpointMode TLSMode

	LoadBalancer    string // the simple load balancer that counts, "" for the default
	Passthrough     bool   // the rule makes the cluster ORIGINAL_DST
	EndpointsDecide bool   // auto mTLS looks at the endpoints, because the rule says PASSTHROUGH where istiod looks
	NoSubset        bool   // the subset is not defined: there is no such cluster
	HasSelector     bool   // the rule has a workloadSelector, without which sidecars ignore credentialName

	Shadowed []Shadowed[kube.DestinationRule]
	Steps    []string // the way from lookup to mode, a sentence a step
}

// client resolves a rule for the port and subset of a query.
func (m *merged) client(q Query) ClientTLS {
	base := forPort(m.policy, m.policyOf, "spec.trafficPolicy", q.Port)
	c := ClientTLS{
		Named:           m.named(),
		Merged:          m.from,
		HasSelector:     m.selector() != nil,
		Rule:            m.named(),
		EndpointMode:    endpointMode(m.policy, q.Port),
		Passthrough:     isPassthrough(base.lb),
		EndpointsDecide: isPassthrough(topLB(m.policy)),
	}
	if q.Subset == "" {
		c.fill(base)
		return c
	}
	s := m.subset(q.Subset)
	if s == nil {
		c.NoSubset = true
		c.EndpointMode = TLSAuto
		c.step("%s does not define subset %s", c.Named.Key(), q.Subset)
		return c
	}
	c.subset(s, base, q.Port)
	return c
}

// subset lays a subset's policy over the rule's. Its cluster takes over the type of the
// rule's, so PASSTHROUGH cannot be taken back; but to decide auto mTLS istiod looks at the
// subset's own load balancer only (pilot/pkg/networking/core/cluster_builder.go).
func (c *ClientTLS) subset(s *mergedSubset, base setting, port int32) {
	own := forPort(s.TrafficPolicy, s.rule, fmt.Sprintf("spec.subsets[%d].trafficPolicy", s.index), port)
	both := own.over(base)
	c.Passthrough = c.Passthrough || isPassthrough(topLB(s.TrafficPolicy)) || isPassthrough(both.lb)
	c.EndpointsDecide = isPassthrough(topLB(s.TrafficPolicy))
	if mode := endpointMode(s.TrafficPolicy, port); mode != TLSAuto {
		c.EndpointMode = mode
	}
	c.Rule = s.rule
	c.fill(both)
}

// fill takes over a resolved setting.
func (c *ClientTLS) fill(s setting) {
	if s.lb != nil {
		c.LoadBalancer = s.lb.Simple
	}
	c.DroppedTLS, c.DroppedBy = s.dropped, s.droppedBy
	if s.tls == nil {
		c.explainAuto()
		return
	}
	c.TLS, c.Rule, c.Field, c.Mode = s.tls, s.rule, s.tlsAt, parseTLSMode(s.tls.Mode)
	if s.tls.Mode == "" {
		c.step("%s of %s has no mode, which means DISABLE", c.Field, c.Rule.Key())
		return
	}
	c.Field += ".mode"
	c.step("%s of %s says %s", c.Field, c.Rule.Key(), s.tls.Mode)
}

func (c *ClientTLS) explainAuto() {
	if c.DroppedBy != "" {
		c.step("%s of %s replaces %s and has no tls itself: auto mTLS decides, or plaintext is sent where that is off", c.DroppedBy, c.Named.Key(), c.DroppedTLS)
		return
	}
	c.step("%s sets no tls: auto mTLS decides, or plaintext is sent where that is off", c.Named.Key())
}

func (c *ClientTLS) step(format string, args ...any) {
	c.Steps = append(c.Steps, fmt.Sprintf(format, args...))
}

// String is one line: "DISABLE from shop/server (spec.trafficPolicy.tls.mode)".
func (c ClientTLS) String() string {
	switch {
	case c.Rule == nil:
		return "no DestinationRule applies"
	case c.NoSubset:
		return fmt.Sprintf("%s does not define the subset", c.Named.Key())
	case c.DroppedTLS != "":
		return fmt.Sprintf("no tls from %s: %s replaces %s", c.Named.Key(), c.DroppedBy, c.DroppedTLS)
	case c.Mode == TLSAuto:
		return fmt.Sprintf("no tls from %s", c.Named.Key())
	default:
		return fmt.Sprintf("%s from %s (%s)", c.Mode, c.Rule.Key(), c.Field)
	}
}
