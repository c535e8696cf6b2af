package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const startsTLSAlone = "116-backend-tls-policy"

func TestBackendTLSPolicy(t *testing.T) {
	fires(t, startsTLSAlone, mtd341, "error BackendTLSPolicy shop/inside [spec.targetRefs] 21: "+
		"BackendTLSPolicy shop/inside makes clients start TLS of their own to server.shop, which is inside the mesh: they offer no certificate of it",
		`kubectl -n shop patch backendtlspolicy inside --type=json -p '[{"op":"test","path":"/spec/targetRefs/0/name","value":"server"},{"op":"remove","path":"/spec/targetRefs/0"}]'`)
	r := shared(t, startsTLSAlone)
	complete(t, r.one(mtd341))
	r.silent(mtd302)
}

// backendPolicies puts others in the place of the recorded one.
func (r *recording) backendPolicies(list ...*kube.BackendTLSPolicy) {
	r.Resources.BackendTLSPolicies = list
}

// backendPolicyOn is one of shop that was made on a day and names the Service server, as a whole ("") or ports of it.
func backendPolicyOn(day int, name string, ports ...string) *kube.BackendTLSPolicy {
	b := &kube.BackendTLSPolicy{Meta: kube.Meta{Namespace: "shop", Name: name, CreationTimestamp: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}}
	for _, port := range ports {
		b.Spec.TargetRefs = append(b.Spec.TargetRefs, kube.PolicyTarget{Kind: "Service", Name: "server", SectionName: port})
	}
	return b
}

// A policy that would be about nothing any more goes as a whole.
func TestBackendTLSPolicyOfOne(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.backendPolicies(backendPolicyOn(1, "whole", ""))
	has(t, r.one(mtd341).Fixes[0].Command, "kubectl -n shop delete backendtlspolicy whole")
}

// Targets of one policy go together, the last first: the others keep their places.
func TestBackendTLSPolicyOfPorts(t *testing.T) {
	r := record(t, startsTLSAlone)
	b := backendPolicyOn(1, "ports", "", "http", "nosuch")
	r.backendPolicies(b)
	has(t, r.one(mtd341).Fixes[0].Command, `"remove","path":"/spec/targetRefs/1"},{"op":"test","path":"/spec/targetRefs/0/name","value":"server"},{"op":"remove","path":"/spec/targetRefs/0"}]'`)
}

// One that names the port wins, then the oldest, then the first by name.
func TestBackendTLSPolicyOfSeveral(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.backendPolicies(backendPolicyOn(3, "young", ""), backendPolicyOn(1, "old", ""), backendPolicyOn(4, "young-port", "http"), backendPolicyOn(2, "zeta-port", "http"), backendPolicyOn(2, "old-port", "http"))
	got := r.says(mtd341)
	has(t, got, "error BackendTLSPolicy shop/old-port [spec.targetRefs] 7: ")
	has(t, got, "error BackendTLSPolicy shop/old [spec.targetRefs] 14: ")
}

// Whoever may not list the policies still hears that there is one: the proxies name the rule that istiod made of it.
func TestBackendTLSPolicyUnread(t *testing.T) {
	r := record(t, startsTLSAlone)
	r.unread("backendtlspolicies.gateway.networking.k8s.io")
	r.backendPolicies()
	has(t, r.says(mtd341), "error Service shop/server [] 21: a BackendTLSPolicy in namespace shop, which could not be listed, makes clients start TLS")
	complete(t, r.one(mtd341))
}

// What the proxies show counts before what istiod is to do: an old one knows no annotation, and lets the policy win over a rule.
func TestBackendTLSPolicyOfAnOldIstiod(t *testing.T) {
	r := record(t, startsTLSAlone)
	b := backendPolicyOn(1, "whole", "")
	b.Annotations = map[string]string{"istio.io/ignore-policy-attachment": "true"}
	r.backendPolicies(b)
	r.ruleOf("server", &kube.TrafficPolicy{TLS: &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}})
	has(t, r.says(mtd341), "error BackendTLSPolicy shop/whole [spec.targetRefs] 21: ")
}

// ruleOf adds a DestinationRule of shop for one of its Services.
func (r *recording) ruleOf(service string, tp *kube.TrafficPolicy) {
	rule := &kube.DestinationRule{Meta: kube.Meta{Namespace: "shop", Name: service}}
	rule.Spec.Host, rule.Spec.TrafficPolicy = service+".shop.svc.cluster.local", tp
	r.Resources.DestinationRules = append(r.Resources.DestinationRules, rule)
}

// unmade forgets which rules the clusters were made of: those of a user were merged, and come first.
func (r *recording) unmade() *recording {
	for _, x := range r.Proxies {
		for _, c := range x.Clusters {
			c.Config = ""
		}
	}
	return r
}

// A DestinationRule wins for the ports for which it sets tls, unless it is one for all and the policy one for a port.
func TestBackendTLSPolicyBesideARule(t *testing.T) {
	mutual := &kube.ClientTLS{Mode: "ISTIO_MUTUAL"}
	port := func(tls *kube.ClientTLS) *kube.TrafficPolicy {
		return &kube.TrafficPolicy{PortLevelSettings: []kube.PortTrafficPolicy{{Port: kube.PortSelector{Number: 80}, TLS: tls}}}
	}
	for name, c := range map[string]struct {
		target string
		rule   *kube.TrafficPolicy
		want   string // how many connections are the policy's fault
	}{
		"no tls":                          {"", &kube.TrafficPolicy{}, "21"},
		"tls for all":                     {"", &kube.TrafficPolicy{TLS: mutual}, ""},
		"settings of a port without tls":  {"", port(nil), "14"},
		"tls for all, policy for a port":  {"http", &kube.TrafficPolicy{TLS: mutual}, "7"},
		"tls for the port of the policy":  {"http", port(mutual), ""},
		"the port's settings without tls": {"http", port(nil), "7"},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, startsTLSAlone).unmade()
			r.backendPolicies(backendPolicyOn(1, "whole", c.target))
			r.ruleOf("server", c.rule)
			if c.want == "" {
				r.silent(mtd341)
				return
			}
			has(t, r.says(mtd341), "error BackendTLSPolicy shop/whole [spec.targetRefs] "+c.want+": ")
		})
	}
}

// Without its rule the policy would decide: the fix that removes a tls block is none.
func TestBackendTLSPolicyBehindARule(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	r.backendPolicies(backendPolicyOn(1, "whole", ""))
	for _, x := range r.one(mtd301).Fixes {
		if strings.Contains(x.Title, "so that auto mTLS decides") {
			t.Error(x.Title)
		}
	}
}

// A server without a proxy speaks no TLS either: nothing encrypts the way to it then.
func TestBackendTLSPolicyToABareServer(t *testing.T) {
	r := record(t, startsTLSAlone)
	b := backendPolicyOn(1, "bare")
	b.Namespace = "legacy"
	b.Spec.TargetRefs = []kube.PolicyTarget{{Kind: "Service", Name: "naked"}}
	r.backendPolicies(b)
	for _, x := range r.Proxies {
		var tls *envoy.TransportSocket
		for _, c := range x.Clusters {
			if c.Name == "outbound|80||server.shop.svc.cluster.local" {
				tls = c.Socket
			}
		}
		for _, c := range x.Clusters {
			if c.Name == "outbound|80||naked.legacy.svc.cluster.local" {
				c.Socket, c.Matches = tls, nil
			}
		}
	}
	f := r.one(mtd341)
	has(t, f.Title, "BackendTLSPolicy legacy/bare makes clients start TLS of their own to naked.legacy, and that fails: ")
	has(t, f.Fixes[0].Title, "delete BackendTLSPolicy legacy/bare, so that auto mTLS decides per endpoint")
}

func TestBackendTLSPolicyQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd341)
	shared(t, "04-dr-simple-in-mesh").silent(mtd341) // a DestinationRule says so
	for name, spoil := range map[string]func(*kube.BackendTLSPolicy){
		"another's":            func(b *kube.BackendTLSPolicy) { b.Spec.TargetRefs[0].Name = "multi" },
		"an entry's":           func(b *kube.BackendTLSPolicy) { b.Spec.TargetRefs[0].Kind = "ServiceEntry" },
		"of another namespace": func(b *kube.BackendTLSPolicy) { b.Namespace = "pay" },
		"another port's":       func(b *kube.BackendTLSPolicy) { b.Spec.TargetRefs[0].SectionName = "nosuch" },
		"ignored": func(b *kube.BackendTLSPolicy) {
			b.Annotations = map[string]string{"istio.io/ignore-policy-attachment": "true"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, startsTLSAlone).unmade()
			b := backendPolicyOn(1, "whole", "")
			spoil(b)
			r.backendPolicies(b)
			r.silent(mtd341)
		})
	}
	blinded(t, startsTLSAlone, mtd341)
	unseenProxy(t, startsTLSAlone, "pay/client", mtd341)
}
