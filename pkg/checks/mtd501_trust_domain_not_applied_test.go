package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestTrustDomainNotApplied(t *testing.T) {
	r := record(t, healthy)
	r.MeshConfigs["default"] = &kube.MeshConfig{TrustDomainAliases: []string{"old.example"}}
	f := r.one(mtd501)
	has(t, lines([]*diagnose.Finding{f}), "warning ConfigMap istio-system/istio [data.mesh.trustDomainAliases] 0: "+
		"ConfigMap istio-system/istio names trust domain old.example, and the proxies of pay/api, pay/client and 6 more do not accept it")
	has(t, facts(f), "accepts cluster.local, last updated")
	hasFix(t, f, "kubectl -n istio-system rollout restart deployment -l app=istiod")
	complete(t, f)
}

// A client of that trust domain is refused: the alias is there, and that it is not applied is the cause.
func TestTrustDomainNotAppliedRefuses(t *testing.T) {
	r := record(t, healthy)
	r.MeshConfigs["default"] = &kube.MeshConfig{TrustDomainAliases: []string{"old.example"}}
	r.secret("pay/client", "default").Chain = r.reissue().Leaf("spiffe://old.example/ns/pay/sa/client").Chain
	want := []cause{{"MTD501", diagnose.Error, "ConfigMap istio-system/istio", "data.mesh.trustDomainAliases"}}
	if diff := cmp.Diff(want, causes(r.judge(mtd203, mtd501)), cmp.AllowUnexported(cause{})); diff != "" {
		t.Error(diff)
	}
	if got := lines(r.judge(mtd203).Findings); got == "" {
		t.Error("its symptom is not told")
	}
}

func TestTrustDomainNotAppliedQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd501)
	shared(t, "02-permissive-default").quiet(mtd501)
	blinded(t, healthy, mtd501)
	unseenProxy(t, healthy, "shop/server", mtd501)
	r := record(t, healthy)
	r.gateway("shop.example", nil)
	r.silent(mtd501)
}

// Of two revisions neither may be the pod's.
func TestTrustDomainOfAnotherRevision(t *testing.T) {
	r := record(t, healthy)
	r.MeshConfigs = map[string]*kube.MeshConfig{"blue": {}, "green": {}}
	r.silent(mtd501)
	if got := r.unknowns(mtd501); len(got) == 0 {
		t.Error("no mesh config is that of the pods")
	}
}
