package checks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// place is where a tls block stands in a DestinationRule: in the policy of the whole host or of
// a subset, there for all ports or in the entry of one. -1 stands for none.
type place struct{ subset, entry int }

// placeOf reads "spec.subsets[1].trafficPolicy.portLevelSettings[0].tls.mode".
func placeOf(field string) (place, bool) {
	at := place{-1, -1}
	rest, ok := strings.CutPrefix(field, "spec.")
	if !ok {
		return at, false
	}
	if r, found := strings.CutPrefix(rest, "subsets["); found {
		at.subset, rest = index(r)
		rest = strings.TrimPrefix(rest, ".")
	}
	rest, ok = strings.CutPrefix(rest, "trafficPolicy")
	if r, found := strings.CutPrefix(rest, ".portLevelSettings["); found {
		at.entry, _ = index(r)
	}
	return at, ok
}

// index reads "1].rest".
func index(s string) (int, string) {
	number, rest, _ := strings.Cut(s, "]")
	n, err := strconv.Atoi(number)
	if err != nil {
		return -1, rest
	}
	return n, rest
}

// policy is the JSON pointer of the traffic policy.
func (at place) policy() string {
	if at.subset < 0 {
		return "/spec/trafficPolicy"
	}
	return "/spec/subsets/" + strconv.Itoa(at.subset) + "/trafficPolicy"
}

// copyRule copies a rule so far that its traffic policies can be edited.
func copyRule(r *kube.DestinationRule) *kube.DestinationRule {
	c := *r
	c.Spec.TrafficPolicy = copyPolicy(c.Spec.TrafficPolicy)
	c.Spec.Subsets = slices.Clone(c.Spec.Subsets)
	for i := range c.Spec.Subsets {
		c.Spec.Subsets[i].TrafficPolicy = copyPolicy(c.Spec.Subsets[i].TrafficPolicy)
	}
	return &c
}

func copyPolicy(tp *kube.TrafficPolicy) *kube.TrafficPolicy {
	if tp == nil {
		return nil
	}
	c := *tp
	c.PortLevelSettings = slices.Clone(c.PortLevelSettings)
	return &c
}

// holder is where the pointer to the traffic policy of a place stands; nil when there is none.
func (at place) holder(r *kube.DestinationRule) **kube.TrafficPolicy {
	tp := &r.Spec.TrafficPolicy
	if at.subset >= 0 {
		if at.subset >= len(r.Spec.Subsets) {
			return nil
		}
		tp = &r.Spec.Subsets[at.subset].TrafficPolicy
	}
	if *tp == nil || at.entry >= len((*tp).PortLevelSettings) {
		return nil
	}
	return tp
}

// withoutTLS removes the tls block at a field, and what would be empty without it: Istio's
// validation refuses a policy, or an entry of a port, that says nothing. It returns the edited
// copy and the JSON pointer to remove.
func withoutTLS(rule *kube.DestinationRule, field string) (edited *kube.DestinationRule, pointer string, ok bool) {
	at, ok := placeOf(field)
	edited = copyRule(rule)
	tp := at.holder(edited)
	if !ok || tp == nil {
		return nil, "", false
	}
	if at.entry < 0 {
		(*tp).TLS = nil
		return edited, at.pruned(tp, "/tls"), true
	}
	return edited, at.pruned(tp, dropFromEntry(*tp, at.entry)), true
}

// pruned is the JSON pointer of what was taken out of a policy, or of the whole policy if it says nothing else, which then goes.
func (at place) pruned(tp **kube.TrafficPolicy, taken string) string {
	if !empty(*tp) {
		return at.policy() + taken
	}
	*tp = nil
	return at.policy()
}

// dropFromEntry removes the tls block of a port's entry, or the entry if it says nothing else.
func dropFromEntry(tp *kube.TrafficPolicy, i int) string {
	e := &tp.PortLevelSettings[i]
	at := "/portLevelSettings/" + strconv.Itoa(i)
	if e.LoadBalancer != nil || len(e.Rest) > 0 {
		e.TLS = nil
		return at + "/tls"
	}
	tp.PortLevelSettings = slices.Delete(tp.PortLevelSettings, i, i+1)
	if len(tp.PortLevelSettings) == 0 {
		return "/portLevelSettings"
	}
	return at
}

func empty(tp *kube.TrafficPolicy) bool {
	return tp.TLS == nil && tp.LoadBalancer == nil && tp.ProxyProtocol == nil && len(tp.PortLevelSettings) == 0 && len(tp.Rest) == 0
}

// withMode sets the mode of the tls block at a field, which need not be there yet.
func withMode(rule *kube.DestinationRule, field, mode string) (edited *kube.DestinationRule, pointer string, ok bool) {
	at, ok := placeOf(field)
	edited = copyRule(rule)
	tp := at.holder(edited)
	if !ok || tp == nil {
		return nil, "", false
	}
	tls, pointer := &(*tp).TLS, at.policy()+"/tls"
	if at.entry >= 0 {
		tls, pointer = &(*tp).PortLevelSettings[at.entry].TLS, at.policy()+"/portLevelSettings/"+strconv.Itoa(at.entry)+"/tls"
	}
	*tls = &kube.ClientTLS{Mode: mode}
	return edited, pointer, true
}
