package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestPARootSelector(t *testing.T) {
	fires(t, "10-pa-root-selector-ignored", mtd311,
		"error PeerAuthentication istio-system/open-server [spec.selector] 9: PeerAuthentication istio-system/open-server has a selector and lies in the root namespace, so it applies to nothing",
		`apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: open-server
  namespace: shop
spec:
  selector:
    matchLabels:
      app: "server"
  mtls:
    mode: PERMISSIVE
`)
	hasFix(t, shared(t, "10-pa-root-selector-ignored").one(mtd311), "kubectl -n istio-system get peerauthentication open-server && kubectl -n istio-system get peerauthentication open-server -o yaml > peerauthentication-open-server.yaml && kubectl -n istio-system delete peerauthentication open-server")
}

// How bad it is depends on what the policy was to do, and to whom.
func TestPARootSelectorSeverity(t *testing.T) {
	for name, c := range map[string]struct {
		mode, app, want string
	}{
		"was to protect":            {"STRICT", "server", "error"},
		"was to open, nobody minds": {"DISABLE", "server", "warning"},
		"changes nothing":           {"PERMISSIVE", "server", "info"},
		"selects nobody":            {"STRICT", "nobody", "info"},
	} {
		r := record(t, "02-permissive-default")
		pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: "x", Namespace: "istio-system"}}
		pa.Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"app": c.app}}
		pa.Spec.MTLS = &kube.MutualTLS{Mode: c.mode}
		pa.Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8080": {Mode: "STRICT"}}
		r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
		t.Run(name, func(t *testing.T) {
			has(t, r.says(mtd311), c.want+" PeerAuthentication istio-system/x [spec.selector] 0: ")
		})
	}
}

func TestPARootSelectorQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd311)
	blinded(t, "10-pa-root-selector-ignored", mtd311)
}

// What is said of a workload is that of a pod which the policy selects.
func TestPARootSelectorOfThePodThatWasJudged(t *testing.T) {
	r := record(t, "10-pa-root-selector-ignored")
	own := &kube.PeerAuthentication{Meta: kube.Meta{Name: "own", Namespace: "shop"}}
	own.Spec.Selector, own.Spec.MTLS = r.selector("app", "server"), &kube.MutualTLS{Mode: "STRICT"}
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, own)
	before := r.one(mtd311)
	r.stranger("server")
	if diff := cmp.Diff(before.Evidence, r.one(mtd311).Evidence); diff != "" {
		t.Error(diff)
	}
}

// A policy that selects others is not what the user asked about.
func TestPARootSelectorScope(t *testing.T) {
	r := shared(t, "10-pa-root-selector-ignored")
	in := func(namespace string) diagnose.Scope {
		return diagnose.Scope{In: func(p *mesh.Pod) bool { return p.Namespace == namespace }}
	}
	for namespace, want := range map[string]int{"shop": 1, "kube-system": 0} {
		if got := diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{mtd311}, in(namespace)).Findings; len(got) != want {
			t.Errorf("%s: %s", namespace, lines(got))
		}
	}
}
