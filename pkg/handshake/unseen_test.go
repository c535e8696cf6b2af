package handshake

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// TestUnseen: an unknown edge names the pod of which evidence lacks, and one with a verdict none.
func TestUnseen(t *testing.T) {
	pod := func(name string) kube.Ref { return kube.PodRef(kube.Key{Namespace: "shop", Name: name}) }
	tests := map[string]struct {
		given func(*world)
		want  kube.Ref
	}{
		"all is known":      {func(*world) {}, kube.Ref{}},
		"the client":        {func(w *world) { w.unread("shop/client") }, pod("client")},
		"the server":        {func(w *world) { w.unread("shop/server") }, pod("server")},
		"both":              {func(w *world) { w.unread("shop/server"); w.unread("shop/client") }, pod("client")},
		"server, listeners": {func(w *world) { without(w.proxy("shop/server"), envoy.SectionListeners) }, pod("server")},
	}
	for name, test := range tests {
		w := shop(t)
		w.accept("shop/server", strict)
		test.given(w)
		for _, e := range w.edges("shop/client", "server.shop:80") {
			if got := e.Unseen(); got != test.want {
				t.Errorf("%s: got %v of %s %s", name, got, e.Verdict, e.Reason)
			}
		}
	}
}
