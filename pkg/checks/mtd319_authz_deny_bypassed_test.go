package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const denyBypassed = "authz-deny-principal-plaintext"

func TestAuthzDenyBypassed(t *testing.T) {
	r := truth(t, denyBypassed)
	found := r.judge(mtd319).Findings
	if len(found) != 2 {
		t.Fatal(lines(found))
	}
	has(t, lines(found[:1]), "error DestinationRule pay/server [spec.trafficPolicy.tls.mode] 3: "+
		"DestinationRule pay/server makes pay/client send plaintext to server.shop, and so get past AuthorizationPolicy shop/d, which denies them by identity")
	hasFix(t, found[0], `kubectl -n pay patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
	has(t, found[0].Fixes[0].Risk, "then denied: pay/client, as the policy says")
	has(t, found[0].Fixes[1].Manifest, "name: server-strict")
	has(t, found[0].Fixes[1].Risk, "then refused: legacy/naked")
	has(t, found[0].Evidence[0].Value, "DENY ns[shop]-policy[d]-rule[0]: exact spiffe://cluster.local/ns/pay/sa/client")
	has(t, found[0].Evidence[1].Value, "arrives as plaintext without a certificate; with one it would be spiffe://cluster.local/ns/pay/sa/client")
	has(t, lines(found[1:]), "info AuthorizationPolicy shop/d [spec.rules[0].from]")
	for _, f := range found {
		complete(t, f)
	}
}

// look changes whom the DENY rule looks for.
func (r *recording) look(principal string) {
	for _, l := range r.proxy("shop/server").Listeners {
		for _, c := range l.FilterChains {
			for _, f := range c.Filters {
				for _, x := range append([]*envoy.Filter{f}, f.HTTPFilters...) {
					relook(x.RBAC, principal)
				}
			}
		}
	}
}

func relook(rbac *envoy.RBAC, principal string) {
	if rbac == nil {
		return
	}
	for _, p := range rbac.Policies {
		p.Principals[0].And[0].Or[0].Principal.Value = principal
	}
}

// Whom the rule names, and has no proxy, gets in as well: then the policy itself is to blame.
func TestAuthzDenyBypassedByAnOutsider(t *testing.T) {
	r := truth(t, denyBypassed)
	r.look("spiffe://cluster.local/ns/legacy/sa/" + r.pods("naked")[0].Spec.ServiceAccountName)
	has(t, r.says(mtd319), "error AuthorizationPolicy shop/d [spec.rules[0].from] 3: AuthorizationPolicy shop/d denies legacy/naked access to shop/server, which gets in nevertheless")
}

// Who is not named may come in plaintext, and without a proxy is only mentioned.
func TestAuthzDenyOfSomebodyElse(t *testing.T) {
	r := truth(t, denyBypassed)
	r.look("spiffe://cluster.local/ns/other/sa/other")
	got := r.says(mtd319)
	has(t, got, "info AuthorizationPolicy shop/d")
	if strings.Contains(got, "error") {
		t.Error(got)
	}
}

// Without the rule that makes it send plaintext nobody but the policy can be blamed.
func TestAuthzDenyBypassedWithoutCulprit(t *testing.T) {
	r := truth(t, denyBypassed)
	r.Resources.DestinationRules = nil
	f := r.judge(mtd319).Findings[0]
	has(t, lines([]*diagnose.Finding{f}), "error AuthorizationPolicy shop/d")
}

// A port that stays open by itself does not shut who gets past the rule out.
func TestStrictMustShut(t *testing.T) {
	r := truth(t, denyBypassed)
	pa := r.addPolicy("shop", "mine", "server", "PERMISSIVE")
	pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "PERMISSIVE"}}
	for _, f := range r.judge(mtd319).Findings {
		for _, fix := range f.Fixes {
			if strings.Contains(fix.Title, "STRICT") {
				t.Errorf("%+v", fix)
			}
		}
	}
}

func TestAuthzDenyBypassedQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd319)
	truth(t, "authz-notprincipals").silent(mtd319) // it meets callers without an identity too
	blinded(t, "17-authz-principal-plaintext", mtd319)
	unseenProxy(t, "17-authz-principal-plaintext", "shop/server", mtd319)
}
