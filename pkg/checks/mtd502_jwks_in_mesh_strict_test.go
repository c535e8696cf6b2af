package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// tokens adds a RequestAuthentication whose keys are at a URI.
func (r *recording) tokens(uri string) {
	ra := &kube.RequestAuthentication{Meta: kube.Meta{Namespace: "pay", Name: "jwt"}}
	ra.Spec.JWTRules = []kube.JWTRule{{Issuer: "https://issuer.example", JWKSURI: uri}}
	r.Resources.RequestAuthentications = []*kube.RequestAuthentication{ra}
}

func TestJWKSInMesh(t *testing.T) {
	for uri, port := range map[string]string{
		"http://server.shop.svc.cluster.local/keys": "8080", "https://server.shop.svc/keys": "8443", "http://server.shop:9000/keys": "9000",
	} {
		r := record(t, healthy)
		r.tokens(uri)
		f := r.one(mtd502)
		has(t, lines([]*diagnose.Finding{f}), "error RequestAuthentication pay/jwt [spec.jwtRules[0].jwksUri] 0: "+
			"RequestAuthentication pay/jwt has istiod fetch keys from shop/server, which accepts only mutual TLS: tokens of https://issuer.example are refused")
		has(t, f.Fixes[0].Manifest, "\""+port+"\":\n      mode: PERMISSIVE")
		complete(t, f)
		if len(f.Workloads) != 2 || f.Workloads[0].Name != "api" || f.Workloads[1].Name != "client" {
			t.Errorf("the workloads of pay take the tokens, not %v", f.Workloads)
		}
	}
}

func TestTokenTakers(t *testing.T) {
	r := record(t, healthy)
	r.tokens("http://server.shop.svc.cluster.local/keys")
	ra := r.Resources.RequestAuthentications[0]
	ra.Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"app": "api"}}
	if got := r.one(mtd502).Workloads; len(got) != 1 || got[0].Name != "api" {
		t.Errorf("selected: %v", got)
	}
	ra.Namespace = "istio-system"
	ra.Spec.Selector = nil
	if got := r.one(mtd502).Workloads; len(got) != len(r.Proxies) {
		t.Errorf("of the root namespace: %v", got)
	}
}

func TestJWKSInMeshQuietAndBlind(t *testing.T) {
	for _, uri := range []string{"https://issuer.example/keys", "http://192.0.2.1/keys", "", "::", "http://naked.legacy.svc.cluster.local/keys"} {
		r := record(t, healthy)
		r.tokens(uri)
		if got := r.says(mtd502); got != "" {
			t.Errorf("%s: %s", uri, got)
		}
	}
	open := record(t, "02-permissive-default")
	open.tokens("http://server.shop.svc.cluster.local/keys")
	open.quiet(mtd502)
	r := record(t, healthy)
	r.tokens("http://server.shop.svc.cluster.local/keys")
	if got := r.withoutProxy("shop/server").unknowns(mtd502); len(got) == 0 {
		t.Error("shop/server was not read")
	}
	blinded(t, healthy, mtd502)
}
