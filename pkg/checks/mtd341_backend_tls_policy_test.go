package checks

import (
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const startsTLSAlone = "116-backend-tls-policy"

func TestBackendTLSPolicy(t *testing.T) {
	fires(t, startsTLSAlone, mtd341, "error BackendTLSPolicy shop/inside [spec.targetRefs[0]] 21: "+
		"BackendTLSPolicy shop/inside makes clients start TLS of their own to server.shop, which is inside the mesh: they offer no certificate of it",
		`kubectl -n shop patch backendtlspolicy inside --type=json -p '[{"op":"remove","path":"/spec/targetRefs/0"}]'`)
	r := shared(t, startsTLSAlone)
	complete(t, r.one(mtd341))
	r.silent(mtd302)
}

// backendPolicies puts others in the place of the recorded one.
func (r *recording) backendPolicies(list ...*kube.BackendTLSPolicy) {
	r.Resources.BackendTLSPolicies = list
}

// backendPolicyOn is one of shop that names the Service server, or a port of it, and was made on a day.
func backendPolicyOn(day int, name, port string) *kube.BackendTLSPolicy {
	b := &kube.BackendTLSPolicy{Meta: kube.Meta{Namespace: "shop", Name: name, CreationTimestamp: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}}
	b.Spec.TargetRefs = []kube.PolicyTarget{{Kind: "Service", Name: "server", SectionName: port}}
	return b
}

// A policy that would be about nothing any more goes as a whole.
func TestBackendTLSPolicyOfOne(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.backendPolicies(backendPolicyOn(1, "whole", ""))
	has(t, r.one(mtd341).Fixes[0].Command, "kubectl -n shop delete backendtlspolicy whole")
}

// One that names the port wins, then the oldest.
func TestBackendTLSPolicyOfSeveral(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.backendPolicies(backendPolicyOn(3, "young", ""), backendPolicyOn(1, "old", ""), backendPolicyOn(4, "young-port", "http"), backendPolicyOn(2, "old-port", "http"))
	got := r.says(mtd341)
	has(t, got, "error BackendTLSPolicy shop/old-port [spec.targetRefs[0]] 7: ")
	has(t, got, "error BackendTLSPolicy shop/old [spec.targetRefs[0]] 14: ")
}

// Whoever may not list the policies still hears that there is one: the proxies name the rule that istiod made of it.
func TestBackendTLSPolicyUnread(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.unread("backendtlspolicies.gateway.networking.k8s.io")
	r.backendPolicies()
	has(t, r.says(mtd341), "error Service shop/server [] 21: a BackendTLSPolicy in namespace shop, which could not be listed, makes clients start TLS")
	complete(t, r.one(mtd341))
}

func TestBackendTLSPolicyQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd341)
	shared(t, "04-dr-simple-in-mesh").silent(mtd341) // a DestinationRule says so
	for name, spoil := range map[string]func(*kube.BackendTLSPolicy){
		"another's":            func(b *kube.BackendTLSPolicy) { b.Spec.TargetRefs[0].Name = "multi" },
		"of another namespace": func(b *kube.BackendTLSPolicy) { b.Namespace = "pay" },
		"another port's":       func(b *kube.BackendTLSPolicy) { b.Spec.TargetRefs[0].SectionName = "nosuch" },
		"ignored": func(b *kube.BackendTLSPolicy) {
			b.Annotations = map[string]string{"istio.io/ignore-policy-attachment": "true"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, startsTLSAlone)
			b := backendPolicyOn(1, "whole", "")
			spoil(b)
			r.backendPolicies(b)
			r.silent(mtd341)
		})
	}
	blinded(t, startsTLSAlone, mtd341)
	unseenProxy(t, startsTLSAlone, "pay/client", mtd341)
}
