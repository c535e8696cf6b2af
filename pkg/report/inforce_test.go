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
	day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
	at := func(d int) envoy.Freshness { return envoy.Freshness{LastUpdated: day(d)} }
	pod := func(name string) *kube.Pod {
		return &kube.Pod{Meta: kube.Meta{Namespace: "shop", Name: name}, Spec: kube.PodSpec{Containers: []kube.Container{{Name: "istio-proxy"}}}}
	}
	proxy := &envoy.Proxy{
		Node:      envoy.Node{Namespace: "shop", Name: "web-1", Type: "sidecar"},
		Listeners: []*envoy.Listener{{Name: "virtualInbound", Freshness: at(1)}, {Name: "virtualInbound", Freshness: at(2)}},
		Clusters:  []*envoy.Cluster{{Name: "outbound|80||api", Freshness: at(3)}, {Name: "static"}},
		Secrets:   []*envoy.Secret{{Name: "ROOTCA", Freshness: at(4)}},
	}
	s := mesh.New(&mesh.Evidence{Resources: &kube.Resources{Pods: []*kube.Pod{pod("web-1"), pod("unread")}}, Proxies: map[kube.Key]*envoy.Proxy{{Namespace: "shop", Name: "web-1"}: proxy}})
	if s.Pod(kube.Key{Namespace: "shop", Name: "web-1"}).Proxy == nil {
		t.Fatal("the pod has no proxy")
	}
	for name, tc := range map[string]struct {
		sources []string
		want    string
	}{
		"nothing":              {nil, ""},
		"a resource":           {[]string{"DestinationRule shop/server"}, ""},
		"the newest listener":  {[]string{"shop/web-1 config_dump listeners/virtualInbound"}, "has it since 2026-11-02 09:00:00Z"},
		"the newest of two":    {[]string{"shop/web-1 config_dump clusters/outbound|80||api", "shop/web-1 config_dump listeners/virtualInbound"}, "has it since 2026-11-03 09:00:00Z"},
		"with its state":       {[]string{"shop/web-1 config_dump warming clusters/outbound|80||api"}, "has it since 2026-11-03 09:00:00Z"},
		"a part of a listener": {[]string{"shop/web-1 config_dump listeners/virtualInbound filter chain x"}, "has it since 2026-11-02 09:00:00Z"},
		"a secret":             {[]string{"shop/web-1 config_dump secrets/ROOTCA"}, "has it since 2026-11-04 09:00:00Z"},
		"no time":              {[]string{"shop/web-1 config_dump clusters/static"}, ""},
		"another name":         {[]string{"shop/web-1 config_dump clusters/outbound"}, ""},
		"not read":             {[]string{"shop/unread config_dump clusters/static"}, ""},
		"no pod":               {[]string{"shop/gone config_dump secrets/ROOTCA"}, ""},
		"no name":              {[]string{"shop/web-1 config_dump secrets"}, ""},
	} {
		var facts []handshake.Fact
		for _, source := range tc.sources {
			facts = append(facts, handshake.Fact{Source: source})
		}
		f := Finding{InForceSince: inForceSince(s, facts)}
		if got := f.inForce(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
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
