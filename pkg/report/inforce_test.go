package report

import (
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestInForceSince(t *testing.T) {
	at := func(day int) envoy.Freshness {
		return envoy.Freshness{LastUpdated: time.Date(2026, 11, day, 9, 0, 0, 0, time.UTC)}
	}
	pod := &kube.Pod{Meta: kube.Meta{Namespace: "shop", Name: "web-1"}, Spec: kube.PodSpec{Containers: []kube.Container{{Name: "istio-proxy"}}}}
	proxy := &envoy.Proxy{
		Node: envoy.Node{Namespace: "shop", Name: "web-1", Type: "sidecar"}, Secrets: []*envoy.Secret{{Name: "ROOTCA", Freshness: at(2)}, {Name: "default", Freshness: at(3)}},
	}
	s := mesh.New(&mesh.Evidence{Resources: &kube.Resources{Pods: []*kube.Pod{pod}}, Proxies: map[kube.Key]*envoy.Proxy{pod.Key(): proxy}})
	secret := func(name string) handshake.Fact { return handshake.DumpFact(s.Pod(pod.Key()), "secrets", name, "x") }
	for want, facts := range map[string][]handshake.Fact{
		"":                                  {{Source: "DestinationRule shop/server"}},
		"has it since 2026-11-03 09:00:00Z": {secret("ROOTCA"), secret("default"), {}},
	} {
		f := Finding{InForceSince: inForceSince(s, facts)}
		if got := f.inForce(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestInForceIsShown(t *testing.T) {
	r := sample()
	r.Findings[0].InForceSince = time.Date(2026, 11, 23, 21, 39, 52, 0, time.UTC)
	for form, want := range map[Format]string{
		Table:    "\n     proxy   has it since 2026-11-23 21:39:52Z\n",
		Markdown: "\n     proxy   has it since 2026-11-23 21:39:52Z\n",
		HTML:     "The proxy has it since 2026-11-23 21:39:52Z",
		JSON:     `"inForceSince": "2026-11-23T21:39:52Z"`,
	} {
		if got := render(t, r, Style{Format: form}); !strings.Contains(got, want) {
			t.Errorf("%s does not say it:\n%s", form, got)
		}
	}
}
