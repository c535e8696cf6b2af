package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
)

const authzPrincipal = "17-authz-principal-plaintext"

func TestAuthzPlaintext(t *testing.T) {
	fires(t, authzPrincipal, mtd317,
		"error DestinationRule pay/server [spec.trafficPolicy.tls.mode] 3: DestinationRule pay/server makes pay/client send plaintext to server.shop, where they arrive without an identity and are denied by AuthorizationPolicy shop/server",
		`kubectl -n pay patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy"}]'`)
}

// Without a resource that explains the plaintext the policy is named, and that its rule is not what is wrong.
func TestAuthzPlaintextWithoutCulprit(t *testing.T) {
	r := record(t, authzPrincipal)
	r.Resources.DestinationRules = nil
	f := r.one(mtd317)
	has(t, r.says(mtd317), "error AuthorizationPolicy shop/server [spec.rules] 3: AuthorizationPolicy shop/server would let pay/client in at server.shop")
	has(t, f.Fixes[0].Command, "kubectl mtls-doctor edges -A --from-pod")
	complete(t, f)
}

// allow has the recorded policy take one identity more.
func (r *recording) allow(identity string) {
	for _, l := range r.proxy("shop/server").Listeners {
		for _, c := range l.FilterChains {
			for _, f := range c.Filters {
				for _, x := range append([]*envoy.Filter{f}, f.HTTPFilters...) {
					if x.RBAC != nil {
						or := x.RBAC.Policies[0].Principals[0].And[0]
						or.Or = append(or.Or, &envoy.RBACRule{Principal: &certs.Matcher{Kind: "exact", Value: identity}})
					}
				}
			}
		}
	}
}

// A caller without a proxy whose account the policy names is meant to get in, and cannot.
func TestAuthzPlaintextOfAnOutsider(t *testing.T) {
	r := record(t, authzPrincipal)
	r.allow("spiffe://cluster.local/ns/legacy/sa/" + r.pods("naked")[0].Spec.ServiceAccountName)
	found := r.judge(mtd317).Findings
	has(t, lines(found), "warning Deployment legacy/naked [spec.template.spec.containers] 3: legacy/naked has no proxy, so it arrives at shop/server without an identity "+
		"and is denied by AuthorizationPolicy shop/server, which would let its service account in")
	has(t, found[1].Fixes[0].Command, "rollout restart deployment/naked")
	complete(t, found[1])
}

// Who would be denied with an identity, too, is denied by the policy alone; it is a note.
func TestAuthzOfSomebodyElse(t *testing.T) {
	got := shared(t, authzPrincipal).says(mtd399)
	has(t, got, "info Deployment shop/server")
	has(t, got, "pay/api")
	has(t, got, "are refused by AuthorizationPolicy shop/server")
	if told := shared(t, authzPrincipal).says(mtd317); strings.Contains(told, "pay/api") {
		t.Error(told)
	}
}

// A policy that takes any account of a namespace refuses callers without a proxy as STRICT does: told of only when
// they are asked about.
func TestAuthzOfAnyIdentity(t *testing.T) {
	r := record(t, authzPrincipal)
	if got := r.says(mtd317); strings.Contains(got, "hlmix-out") {
		t.Error(got)
	}
	r.asked = "hlmix-out"
	has(t, r.says(mtd317), "error Deployment shop/hlmix-out")
}

// A port that is DISABLE takes the identity from all of its callers.
func TestAuthzPlaintextOfDisabledPort(t *testing.T) {
	r := record(t, "22-headless-port-disable")
	guard(r, "shop/multi")
	f := r.judge(mtd317).Findings[0]
	has(t, r.says(mtd317), "error PeerAuthentication shop/")
	complete(t, f)
}

// A service that a Sidecar hides is called in plaintext, by a proxy that would have started mutual TLS.
func TestAuthzPlaintextToHiddenService(t *testing.T) {
	r := record(t, "18-sidecar-egress-hides-service")
	open := record(t, authzPrincipal).proxy("shop/server")
	for key, proxy := range r.Proxies {
		if proxy == r.proxy("shop/server") {
			r.Proxies[key] = open
		}
	}
	has(t, r.says(mtd317), "error Sidecar pay/default [spec.egress[0].hosts]")
	complete(t, r.judge(mtd317).Findings[0])
}

// guard puts the RBAC filter of the recorded server, which asks for the accounts of pay, first on all chains of a workload.
func guard(r *recording, workload string) {
	var rbac *envoy.Filter
	for _, l := range record(r.t, authzPrincipal).proxy("shop/server").Listeners {
		for _, c := range l.FilterChains {
			if i := slices.IndexFunc(c.Filters, func(f *envoy.Filter) bool { return f.RBAC != nil }); i >= 0 {
				rbac = c.Filters[i]
			}
		}
	}
	for _, l := range r.proxy(workload).Listeners {
		for _, c := range l.FilterChains {
			c.Filters = slices.Insert(c.Filters, 0, rbac)
		}
	}
}

func TestAuthzPlaintextQuietAndBlind(t *testing.T) {
	shared(t, "02-permissive-default").quiet(mtd317)
	shared(t, "03-dr-disable-vs-strict").quiet(mtd317)
	blinded(t, authzPrincipal, mtd317)
	unseenProxy(t, authzPrincipal, "shop/server", mtd317)
}
