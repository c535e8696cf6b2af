package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

func TestLabelLies(t *testing.T) {
	r := record(t, healthy)
	r.relabel("naked", "istio")
	r.remark("naked.legacy", "istio")
	f := r.one(mtd323)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment legacy/naked [spec.template.metadata.labels[security.istio.io/tlsMode]] 24: "+
		"Deployment legacy/naked says that legacy/naked does mutual TLS, and it has no proxy: clients of naked.legacy fail")
	hasFix(t, f, `kubectl -n legacy patch deployment naked --type=json -p '[{"op":"remove","path":"/spec/template/metadata/labels/security.istio.io~1tlsMode"}]'`)
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// A ServiceEntry says it of an address, and the pod there knows nothing of it.
func TestEntryLies(t *testing.T) {
	r := truth(t, externalEntry)
	se := r.internal()
	se.Spec.Endpoints[0].Address = r.pods("naked")[0].Status.PodIP
	se.Spec.Endpoints[0].Labels = map[string]string{tlsMode: "istio"}
	for _, p := range r.Proxies {
		for name, list := range p.Endpoints {
			if name == "outbound|80||ext.example" {
				list[0].Address = endpointAddress(se.Spec.Endpoints[0].Address, list[0].Address.Port())
				list[0].SocketMatch = map[string]string{"tlsMode": "istio"}
			}
		}
	}
	f := r.one(mtd323)
	has(t, lines([]*diagnose.Finding{f}), "error ServiceEntry shop/ext [spec.endpoints[0]] 8: ServiceEntry shop/ext says that legacy/naked does mutual TLS, and it has no proxy")
	hasFix(t, f, `kubectl -n shop patch serviceentry ext --type=json -p '[{"op":"add","path":"/spec/endpoints/0/labels/security.istio.io~1tlsMode","value":"disabled"}]'`)
	complete(t, f)

	// Where the entry selects a WorkloadEntry, that is to blame; a service account says the same as the label.
	we := r.selected(se)
	we.Spec.Address, we.Spec.ServiceAccount = se.Spec.Endpoints[0].Address, "naked"
	se.Spec.Endpoints = nil
	f = r.one(mtd323)
	has(t, lines([]*diagnose.Finding{f}), "error WorkloadEntry shop/vm [spec] 8: WorkloadEntry shop/vm says that legacy/naked does mutual TLS, and it has no proxy")
	has(t, facts(f), "WorkloadEntry shop/vm spec: serviceAccount: naked")
	hasFix(t, f, `kubectl -n shop patch workloadentry vm --type=json -p '[{"op":"add","path":"/spec/labels/security.istio.io~1tlsMode","value":"disabled"}]'`)
	complete(t, f)
}

func TestLabelLiesQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd323)
	shared(t, "05-dr-istio-mutual-nonmesh").silent(mtd323)
	shared(t, "15-exclude-inbound-ports").silent(mtd323)
	blinded(t, healthy, mtd323)
	unseenProxy(t, healthy, "shop/client", mtd323)
}
