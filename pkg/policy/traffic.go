package policy

import (
	"fmt"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const passthrough = "PASSTHROUGH"

// setting is a traffic policy for one port, as far as it decides TLS, with its places.
type setting struct {
	at                 string // field of the policy, or of its entry for the port
	byPort             bool   // at is an entry of portLevelSettings
	tls                *kube.ClientTLS
	tlsAt              string // field of the tls block
	rule               *kube.DestinationRule
	lb                 *kube.LoadBalancer
	dropped, droppedBy string // a tls block, and the entry that replaced it
}

// forPort resolves a traffic policy for one service port. The first entry of that port
// replaces the whole policy, what it leaves out included
// (pilot/pkg/networking/util/util.go, GetPortLevelTrafficPolicy).
func forPort(tp *kube.TrafficPolicy, rule *kube.DestinationRule, at string, port int32) setting {
	if tp == nil {
		return setting{}
	}
	for i, p := range tp.PortLevelSettings {
		if p.Port.Number != port || port == 0 {
			continue
		}
		s := settingOf(p.TLS, p.LoadBalancer, rule, fmt.Sprintf("%s.portLevelSettings[%d]", at, i))
		s.byPort = true
		if tp.TLS != nil && p.TLS == nil {
			s.dropped, s.droppedBy = at+".tls", s.at
		}
		return s
	}
	return settingOf(tp.TLS, tp.LoadBalancer, rule, at)
}

func settingOf(tls *kube.ClientTLS, lb *kube.LoadBalancer, rule *kube.DestinationRule, at string) setting {
	s := setting{at: at, lb: lb}
	if tls != nil {
		s.tls, s.tlsAt, s.rule = tls, at+".tls", rule
	}
	return s
}

// over lays a subset's setting over the rule's: what it has wins, and what it leaves out too
// if it is of one port (pilot/pkg/networking/util/util.go, MergeSubsetTrafficPolicy).
func (s setting) over(base setting) setting {
	out := s
	if s.lb == nil && !s.byPort {
		out.lb = base.lb
	}
	switch {
	case s.tls != nil, s.dropped != "":
	case s.byPort && base.tls != nil:
		out.dropped, out.droppedBy = base.tlsAt, s.at
	case s.byPort:
		out.dropped, out.droppedBy = base.dropped, base.droppedBy
	default:
		out.tls, out.tlsAt, out.rule = base.tls, base.tlsAt, base.rule
		out.dropped, out.droppedBy = base.dropped, base.droppedBy
	}
	return out
}

// endpointMode is the mode by which istiod labels endpoints. Here an entry of a port without
// tls does not replace the tls of the policy, unlike in forPort
// (pilot/pkg/xds/endpoints/mtls_checker.go, trafficPolicyTLSModeForPort).
func endpointMode(tp *kube.TrafficPolicy, port int32) TLSMode {
	if tp == nil {
		return TLSAuto
	}
	for _, p := range tp.PortLevelSettings {
		if p.Port.Number == port && p.TLS != nil {
			return parseTLSMode(p.TLS.Mode)
		}
	}
	if tp.TLS != nil {
		return parseTLSMode(tp.TLS.Mode)
	}
	return TLSAuto
}

// isPassthrough reports whether a load balancer sends connections to where they were going,
// which makes a cluster ORIGINAL_DST.
func isPassthrough(lb *kube.LoadBalancer) bool { return lb != nil && lb.Simple == passthrough }

// topLB is the load balancer of a policy without regard to ports.
func topLB(tp *kube.TrafficPolicy) *kube.LoadBalancer {
	if tp == nil {
		return nil
	}
	return tp.LoadBalancer
}
