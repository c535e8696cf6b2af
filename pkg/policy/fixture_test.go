package policy_test

import (
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const root = "istio-system"

// meta is a resource of that age: the higher second, the younger.
func meta(namespace, name string, second int) kube.Meta {
	return kube.Meta{
		Namespace: namespace, Name: name,
		CreationTimestamp: time.Date(2026, 11, 1, 12, 0, second, 0, time.UTC),
	}
}

func labels(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// peer is a PeerAuthentication; mode "-" stands for no mtls at all.
func peer(m kube.Meta, mode string, edit ...func(*kube.PeerAuthentication)) *kube.PeerAuthentication {
	p := &kube.PeerAuthentication{Meta: m}
	if mode != "-" {
		p.Spec.MTLS = &kube.MutualTLS{Mode: mode}
	}
	for _, e := range edit {
		e(p)
	}
	return p
}

func selecting(pairs ...string) func(*kube.PeerAuthentication) {
	return func(p *kube.PeerAuthentication) { p.Spec.Selector = &kube.Selector{MatchLabels: labels(pairs...)} }
}

func onPort(port, mode string) func(*kube.PeerAuthentication) {
	return func(p *kube.PeerAuthentication) {
		if p.Spec.PortLevelMTLS == nil {
			p.Spec.PortLevelMTLS = map[string]kube.MutualTLS{}
		}
		p.Spec.PortLevelMTLS[port] = kube.MutualTLS{Mode: mode}
	}
}

func peerRevision(rev string) func(*kube.PeerAuthentication) {
	return func(p *kube.PeerAuthentication) { p.Labels = labels("istio.io/rev", rev) }
}

// rule is a DestinationRule without a traffic policy.
func rule(m kube.Meta, host string, edit ...func(*kube.DestinationRule)) *kube.DestinationRule {
	r := &kube.DestinationRule{Meta: m, Spec: kube.DestinationRuleSpec{Host: host}}
	for _, e := range edit {
		e(r)
	}
	return r
}

// policyOf returns the rule's traffic policy, which it makes if there is none.
func policyOf(r *kube.DestinationRule) *kube.TrafficPolicy {
	if r.Spec.TrafficPolicy == nil {
		r.Spec.TrafficPolicy = new(kube.TrafficPolicy)
	}
	return r.Spec.TrafficPolicy
}

// limits stands for a traffic policy that has something, but no tls.
func limits(r *kube.DestinationRule) { policyOf(r) }

func tls(mode string) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) { policyOf(r).TLS = &kube.ClientTLS{Mode: mode} }
}

// portTLS adds an entry of a port; mode "-" stands for no tls in it.
func portTLS(port int32, mode string) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) {
		policyOf(r).PortLevelSettings = append(policyOf(r).PortLevelSettings, portEntry(port, mode))
	}
}

func portEntry(port int32, mode string) kube.PortTrafficPolicy {
	e := kube.PortTrafficPolicy{Port: kube.PortSelector{Number: port}}
	if mode != "-" {
		e.TLS = &kube.ClientTLS{Mode: mode}
	}
	return e
}

func balance(lb string) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) { policyOf(r).LoadBalancer = &kube.LoadBalancer{Simple: lb} }
}

// subset adds a subset with that policy, which may be nil.
func subset(name string, tp *kube.TrafficPolicy) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) {
		r.Spec.Subsets = append(r.Spec.Subsets, kube.Subset{Name: name, TrafficPolicy: tp})
	}
}

func mode(m string) *kube.TrafficPolicy { return &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: m}} }

func exportTo(to ...string) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) { r.Spec.ExportTo = to }
}

func forWorkloads(pairs ...string) func(*kube.DestinationRule) {
	return func(r *kube.DestinationRule) {
		r.Spec.WorkloadSelector = &kube.Selector{MatchLabels: labels(pairs...)}
	}
}

// canary makes a rule one of that revision.
func canary(r *kube.DestinationRule) { r.Labels = labels("istio.io/rev", "canary") }
