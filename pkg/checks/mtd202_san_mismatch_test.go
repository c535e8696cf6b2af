package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestSANMismatchOfARule(t *testing.T) {
	f := record(t, "23-dr-wrong-san").one(mtd202)
	has(t, lines([]*diagnose.Finding{f}), "error DestinationRule shop/server [spec.trafficPolicy.tls.subjectAltNames] 21: DestinationRule shop/server does not list spiffe://cluster.local/ns/shop/sa/server")
	const want = `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"remove","path":"/spec/trafficPolicy/tls/subjectAltNames"}]'`
	if f.Fixes[0].Command != want {
		t.Error(f.Fixes[0].Command)
	}
	if f.Fixes[0].Risk != "" {
		t.Error(f.Fixes[0].Risk)
	}
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls/subjectAltNames/-","value":"spiffe://cluster.local/ns/shop/sa/server"}]'`)
}

// A server that presents another identity than its service account's is not helped by the list that
// istiod would make.
func TestSANMismatchOfAnotherAccount(t *testing.T) {
	r := record(t, "23-dr-wrong-san")
	for _, p := range r.pods("server") {
		p.Spec.ServiceAccountName = "other"
	}
	f := r.one(mtd202)
	if len(f.Fixes) != 1 {
		t.Fatalf("%+v", f.Fixes)
	}
	has(t, f.Fixes[0].Title, "name what the server presents too")
}

// Nor is another host of a wildcard rule, which works because of the list.
func TestSANMismatchOfAWildcard(t *testing.T) {
	r := record(t, "23-dr-wrong-san")
	r.rule("shop", "server").Spec.Host = "*.shop.svc.cluster.local"
	has(t, r.one(mtd202).Fixes[0].Title, "remove subjectAltNames")
	for _, p := range r.pods("multi") {
		p.Spec.ServiceAccountName = "other"
	}
	if f := r.one(mtd202); len(f.Fixes) != 1 {
		t.Errorf("%+v", f.Fixes)
	}
}

func TestAccounts(t *testing.T) {
	r := truth(t, externalEntry)
	se := r.internal()
	ids := map[string][]string{}
	probe := &diagnose.Check{Code: "MTD999", Run: func(p *diagnose.Pass) {
		for _, h := range p.Hosts {
			ids[h.Name] = accounts(p, h, "")
		}
	}}
	r.MeshConfigs["default"].TrustDomainAliases = []string{"old"}
	r.judge(probe)
	want := []string{"spiffe://cluster.local/ns/shop/sa/server", "spiffe://old/ns/shop/sa/server"}
	if diff := cmp.Diff(want, ids[serverHost]); diff != "" {
		t.Error(diff)
	}
	se.Spec.Endpoints[0].ServiceAccount = "vm"
	r.judge(probe)
	if diff := cmp.Diff([]string{"spiffe://cluster.local/ns/shop/sa/vm", "spiffe://old/ns/shop/sa/vm"}, ids["ext.example"]); diff != "" {
		t.Error(diff)
	}
}

// Without a rule that names identities it is the server that shows another than istiod knows.
func TestSANMismatchOfAServer(t *testing.T) {
	r := record(t, healthy)
	r.secret("shop/server", "default").Chain = r.reissue().Leaf("shop/other").Chain
	f := r.one(mtd202)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [secret default] 21: Deployment shop/server presents spiffe://cluster.local/ns/shop/sa/other")
}

// An entry that names a service account, and another one runs there.
func TestSANMismatchOfAnEntry(t *testing.T) {
	r := truth(t, "se-selector")
	se, pod := r.Resources.ServiceEntries[0], r.pods("server")[0]
	se.Spec.WorkloadSelector = nil
	se.Spec.Endpoints = []kube.WorkloadEntrySpec{{Address: pod.Status.PodIP, ServiceAccount: "other"}}
	r.takes("int.example", "spiffe://cluster.local/ns/shop/sa/other")
	f := r.one(mtd202)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/int [spec.endpoints[0].serviceAccount]")
	has(t, f.Title, "ServiceEntry shop/int says that shop/server is service account other, and it presents spiffe://cluster.local/ns/shop/sa/server")
	hasFix(t, f, `kubectl -n shop patch serviceentry int --type=json -p '[{"op":"add","path":"/spec/endpoints/0/serviceAccount","value":"server"}]'`)
	complete(t, f)

	// An account of another namespace cannot be named by the entry.
	se.Namespace = "pay"
	has(t, r.one(mtd202).Fixes[0].Command, "kubectl -n pay edit serviceentry int")
}

func TestSANMismatchQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "04-dr-simple-in-mesh", "11-root-mismatch"} {
		record(t, name).quiet(mtd202)
	}
	r := record(t, healthy)
	r.secret("shop/server", "default").Chain = r.reissue().Leaf("spiffe://old.example/ns/shop/sa/server").Chain
	r.quiet(mtd202) // that is MTD203

	r = record(t, "23-dr-wrong-san")
	r.unread(diagnose.DestinationRules)
	r.blind(mtd202, diagnose.DestinationRules)
	r = record(t, "23-dr-wrong-san")
	for _, p := range r.Proxies {
		p.Read &^= envoy.SectionSecrets
	}
	r.blind(mtd202, diagnose.Secrets)
}
