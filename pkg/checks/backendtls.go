package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// backendTarget is a target of a BackendTLSPolicy.
type backendTarget struct {
	policy *kube.BackendTLSPolicy
	index  int
}

func (t backendTarget) ref() kube.Ref {
	return kube.Ref{Kind: "BackendTLSPolicy", Namespace: t.policy.Namespace, Name: t.policy.Name}
}

func (t backendTarget) target() kube.PolicyTarget { return t.policy.Spec.TargetRefs[t.index] }

func (t backendTarget) String() string {
	to := t.target()
	if to.SectionName == "" {
		return to.Kind + " " + to.Name
	}
	return fmt.Sprintf("port %s of %s %s", to.SectionName, to.Kind, to.Name)
}

// compare orders targets as istiod prefers them: one that names the port, then the oldest policy, then by name
// (btlsHasHigherPriority in pilot/pkg/config/kube/gateway/backend_policies.go).
func (t backendTarget) compare(o backendTarget) int {
	whole := func(t backendTarget) int {
		if t.target().SectionName == "" {
			return 1
		}
		return 0
	}
	return cmp.Or(whole(t)-whole(o), t.policy.CreationTimestamp.Compare(o.policy.CreationTimestamp), cmp.Compare(t.policy.Name, o.policy.Name), t.index-o.index)
}

// backendTargets are the targets of BackendTLSPolicies that name the host and port of an edge, the one that counts first.
func backendTargets(p *diagnose.Pass, e *handshake.Edge) []backendTarget {
	host, number := e.SentTo()
	if host == nil {
		return nil
	}
	name := ""
	if port := host.Port(number); port != nil {
		name = port.Name
	}
	var out []backendTarget
	for _, b := range p.Resources.BackendTLSPolicies {
		for i, t := range b.Spec.TargetRefs {
			if b.Namespace == host.Ref.Namespace && t.Kind == host.Ref.Kind && t.Name == host.Ref.Name && (t.SectionName == "" || t.SectionName == name) {
				out = append(out, backendTarget{b, i})
			}
		}
	}
	slices.SortFunc(out, backendTarget.compare)
	return out
}

// backendPolicyDecides is the target of a BackendTLSPolicy by which istiod is to have clients start TLS on an edge; false
// when none is. The target has no policy where they could not be listed, and the proxy shows that there is one.
func backendPolicyDecides(p *diagnose.Pass, e *handshake.Edge) (backendTarget, bool) {
	for _, t := range backendTargets(p, e) {
		if !t.policy.Ignored() {
			return t, !outruled(p, e, t.target().SectionName != "")
		}
	}
	return backendTarget{}, madeOfBackendPolicy(e) && !p.Resources.HasRead(string(diagnose.BackendTLSPolicies))
}

// madeOfBackendPolicy reports that the client's cluster names a DestinationRule that istiod made of one.
func madeOfBackendPolicy(e *handshake.Edge) bool {
	return strings.HasSuffix(e.Outbound.Rule.Name, kube.MadeOfBackendPolicy)
}

// outruled reports whether DestinationRules keep a BackendTLSPolicy from deciding. What istiod makes of it is one for the
// very host, in the host's namespace: rules of the client's namespace come first, those of the root namespace after it, and
// of those in its own namespace the fields that are set win, for the port or for all (mergeBackendPolicyTrafficPolicy in
// pilot/pkg/model/destination_rule.go).
func outruled(p *diagnose.Pass, e *handshake.Edge, byPort bool) bool {
	host, port := e.SentTo()
	switch c := p.Rule(e); {
	case c.Rule == nil:
		return false
	case c.Rule.Namespace != host.Namespace:
		return c.Rule.Namespace == e.Client.Namespace
	case strings.HasPrefix(c.Host, "*"):
		return false
	case byPort:
		return c.TLS != nil && (strings.Contains(c.Field, "portLevelSettings") || strings.Contains(c.Field, "subsets"))
	default:
		return c.TLS != nil || slices.ContainsFunc(c.Merged, func(r *kube.DestinationRule) bool { return setsPort(r, port) })
	}
}

// setsPort reports settings for a port, which replace those for all.
func setsPort(r *kube.DestinationRule, port uint32) bool {
	tp := r.Spec.TrafficPolicy
	return tp != nil && slices.ContainsFunc(tp.PortLevelSettings, func(s kube.PortTrafficPolicy) bool { return uint32(s.Port.Number) == port })
}

// backendPolicyTLS reports an edge whose client starts TLS because of a BackendTLSPolicy, and the target that is to blame, as
// backendPolicyDecides does. What the proxy shows counts before what istiod is to do: old ones know no annotation, and let a
// policy win over DestinationRules.
func backendPolicyTLS(p *diagnose.Pass, e *handshake.Edge) (backendTarget, bool) {
	if e.Outbound.Socket != "tls" || hostOf(e) == nil {
		return backendTarget{}, false
	}
	all := backendTargets(p, e)
	if !madeOfBackendPolicy(e) || len(all) == 0 {
		return backendPolicyDecides(p, e)
	}
	i := slices.IndexFunc(all, func(t backendTarget) bool { return !t.policy.Ignored() })
	return all[max(i, 0)], true
}
