package checks

import (
	"testing"
)

// expose changes the type of a Service.
func (r *recording) expose(name, kind string) {
	for _, s := range r.Resources.Services {
		if s.Namespace == "pay" && s.Name == name {
			s.Spec.Type = kind
		}
	}
}

func TestStrictLoadBalancer(t *testing.T) {
	for kind, severity := range map[string]string{"LoadBalancer": "error", "NodePort": "warning"} {
		r := record(t, healthy)
		r.expose("api", kind)
		found := r.judge(mtd604).Findings
		if len(found) != 2 {
			t.Fatal(lines(found))
		}
		has(t, lines(found), severity+" Service pay/api [spec.type] 0: "+kind+" pay/api leads callers from outside to port 8080 of pay/api, which accepts only mutual TLS")
		for _, f := range found {
			hasFix(t, f, `kubectl -n pay patch service api --type=merge -p '{"spec":{"type":"ClusterIP"}}'`)
			complete(t, f)
		}
		has(t, found[0].Fixes[1].Manifest, "mode: PERMISSIVE")
	}
}

func TestStrictLoadBalancerQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd604)
	open := record(t, "02-permissive-default")
	open.expose("api", "LoadBalancer")
	open.quiet(mtd604)
	gateway := record(t, healthy)
	gateway.gateway("shop.example", nil)
	for _, s := range gateway.Resources.Services {
		if s.Name == "server" {
			s.Spec.Type = "LoadBalancer"
		}
	}
	gateway.silent(mtd604)
	exposed := record(t, healthy)
	exposed.expose("api", "LoadBalancer")
	if got := exposed.withoutProxy("pay/api").unknowns(mtd604); len(got) == 0 {
		t.Error("pay/api was not read")
	}
	blinded(t, healthy, mtd604)
}
