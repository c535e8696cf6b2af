package policy_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

func oneOf[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomRules makes rules that compete for the server in every way that there is.
func randomRules(r *rand.Rand) []*kube.DestinationRule {
	var rules []*kube.DestinationRule
	for i := range 1 + r.IntN(8) {
		m := meta(oneOf(r, "pay", "shop", root, "ops"), fmt.Sprint("r", i), r.IntN(3))
		rules = append(rules, rule(m, oneOf(r, "server", server, "*.local", "*.shop.svc.cluster.local", "*"),
			oneOf(r, limits, tls("DISABLE"), tls("ISTIO_MUTUAL"), portTLS(80, "-"), func(*kube.DestinationRule) {}),
			oneOf(r, subset("v1", nil), subset("v1", mode("SIMPLE")), limits),
			oneOf(r, exportTo(), exportTo("*"), exportTo("."), exportTo("pay"), exportTo("ops", "pay"), exportTo("ops")),
			oneOf(r, forWorkloads(), forWorkloads("app", "client"), forWorkloads("app", "other"), limits, limits, limits),
			oneOf(r, canary, limits, limits, limits),
		))
	}
	return rules
}

// TestEveryRuleIsAccountedFor: a rule whose host covers the query is merged into the result
// or shadowed for a reason, none is forgotten; and the order in which rules are given, which
// is the order in which the API server lists them, changes nothing.
func TestEveryRuleIsAccountedFor(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		rules := randomRules(r)
		cfg := policy.Config{RootNamespace: root, DefaultExportTo: oneOf(r, nil, []string{"."})}
		q := from(oneOf(r, "pay", "shop", root))
		q.Subset, q.Revision = oneOf(r, "", "v1"), oneOf(r, "", "stable", "canary")
		got := policy.NewDestinationRules(rules, cfg).Effective(q)
		for _, rule := range rules {
			if host := policy.Host(rule, ""); rule.Spec.Host == "server" && rule.Namespace != "shop" {
				continue // another service: HOST.NAMESPACE
			} else if !slices.Contains(got.Merged, rule) && !shadowedBy(got, rule) {
				t.Fatalf("seed %d: rule %s for %s is neither merged nor shadowed: %s", seed, rule.Key(), host, got)
			}
		}
		slices.Reverse(rules)
		if again := policy.NewDestinationRules(rules, cfg).Effective(q); !reflect.DeepEqual(got, again) {
			t.Fatalf("seed %d: order matters: %s, then %s", seed, got, again)
		}
	}
}

func shadowedBy(c policy.ClientTLS, r *kube.DestinationRule) bool {
	return slices.ContainsFunc(c.Shadowed, func(s policy.Shadowed[kube.DestinationRule]) bool {
		return s.Resource == r && s.Reason != "" && s.Why != ""
	})
}
