package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
)

func TestInjectionConflict(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"warning Namespace shop [metadata.labels[istio-injection]] 0: namespace shop has istio-injection=enabled and istio.io/rev=canary: the first wins, so its pods get proxies of the default revision, not of canary": {
			"istio-injection": "enabled", "istio.io/rev": "canary",
		},
		"warning Namespace shop [metadata.labels[istio-injection]] 0: namespace shop has istio-injection=disabled and istio.io/rev=canary: the first wins, so its pods get no proxies": {
			"istio-injection": "disabled", "istio.io/rev": "canary",
		},
		"info Namespace shop": {"istio-injection": "enabled", "istio.io/rev": "default"},
	} {
		r := record(t, healthy)
		r.label("shop", labels)
		f := r.one(mtd606)
		has(t, lines([]*diagnose.Finding{f}), want)
		hasFix(t, f, "kubectl label namespace shop istio-injection-")
		complete(t, f)
	}
}

func TestInjectionConflictQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd606)
	r := record(t, healthy)
	r.label("shop", map[string]string{"istio.io/rev": "canary"})
	r.quiet(mtd606)
	blinded(t, healthy, mtd606)
}
