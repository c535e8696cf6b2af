package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// addPolicy adds a PeerAuthentication of some mode; without an app it has no selector.
func (r *recording) addPolicy(namespace, name, app, mode string) *kube.PeerAuthentication {
	pa := &kube.PeerAuthentication{Meta: kube.Meta{Namespace: namespace, Name: name, CreationTimestamp: r.CapturedAt.AddDate(0, 0, -1)}}
	pa.Spec.MTLS = &kube.MutualTLS{Mode: mode}
	if app != "" {
		pa.Spec.Selector = r.selector("app", app)
	}
	r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
	return pa
}

func TestPolicyForNobody(t *testing.T) {
	for name, c := range map[string]struct {
		capture, namespace, app, mode string
		want                          string
	}{
		"misspelt":           {healthy, "shop", "servr", "PERMISSIVE", "info PeerAuthentication shop/x [spec.selector] 0: PeerAuthentication shop/x selects no pod of its namespace: it has no effect"},
		"misspelt, and open": {"02-permissive-default", "shop", "servr", "STRICT", "warning PeerAuthentication shop/x [spec.selector]"},
		"without a proxy":    {healthy, "legacy", "naked", "STRICT", "info PeerAuthentication legacy/x [spec.selector] 0: PeerAuthentication legacy/x selects only pods without a proxy"},
		"empty namespace":    {healthy, "empty", "", "STRICT", "info PeerAuthentication empty/x [spec.selector]"},
	} {
		r := record(t, c.capture)
		r.addPolicy(c.namespace, "x", c.app, c.mode)
		f := r.one(mtd324)
		if got := lines([]*diagnose.Finding{f}); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
		hasFix(t, f, "kubectl -n "+c.namespace+" get peerauthentication x && kubectl -n "+c.namespace+" get peerauthentication x -o yaml > peerauthentication-x.yaml && kubectl -n "+c.namespace+" delete peerauthentication x")
		complete(t, f)
	}
}

// What lies beside istiod is not mesh-wide where the root namespace is another.
func TestPolicyInTheWrongRootNamespace(t *testing.T) {
	r := record(t, "02-permissive-default")
	r.MeshConfigs["default"] = &kube.MeshConfig{RootNamespace: "istio-config"}
	r.Resources.Pods = append(r.Resources.Pods, &kube.Pod{Meta: kube.Meta{Namespace: "istio-system", Name: "istiod-1", Labels: map[string]string{"app": "istiod"}}})
	r.addPolicy("istio-system", "default", "", "STRICT")
	f := r.one(mtd324)
	has(t, lines([]*diagnose.Finding{f}), "warning PeerAuthentication istio-system/default [metadata.namespace] 0: "+
		"PeerAuthentication istio-system/default lies beside istiod, but the root namespace is istio-config: it does not speak for the mesh")
	has(t, f.Fixes[0].Manifest, "namespace: istio-config")
	has(t, f.Fixes[0].Risk, "then refused: ")
	has(t, f.Fixes[1].Risk, "scaled to zero")

	r.addPolicy("istio-config", "default", "", "PERMISSIVE")
	if fix := r.one(mtd324).Fixes[0]; fix.Manifest != "" || fix.Command != "kubectl -n istio-config edit peerauthentication default" {
		t.Errorf("the policy of the root namespace is overwritten: %+v", fix)
	}
}

func TestPolicyForGateways(t *testing.T) {
	r := record(t, healthy)
	r.gateway("shop.example", nil)
	r.addPolicy("shop", "x", "server", "STRICT")
	has(t, r.says(mtd324), "info PeerAuthentication shop/x [spec.selector] 0: PeerAuthentication shop/x selects only gateways")
}

func TestPolicyForNobodyQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd324)
	shared(t, "10-pa-root-selector-ignored").silent(mtd324)
	blinded(t, healthy, mtd324)
}
