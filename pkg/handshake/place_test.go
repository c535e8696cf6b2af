package handshake

import (
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestPlaceUpdated(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 0, 0, 0, time.UTC) }
	at := func(d int) envoy.Freshness { return envoy.Freshness{LastUpdated: day(d)} }
	pod := func(name string) *kube.Pod {
		return &kube.Pod{Meta: kube.Meta{Namespace: "shop", Name: name}, Spec: kube.PodSpec{Containers: []kube.Container{{Name: "istio-proxy"}}}}
	}
	web := kube.Key{Namespace: "shop", Name: "web-1"}
	proxy := &envoy.Proxy{
		Node:      envoy.Node{Namespace: "shop", Name: "web-1", Type: "sidecar"},
		Listeners: []*envoy.Listener{{Name: "virtualInbound", Freshness: at(1)}, {Name: "virtualInbound", Freshness: at(2)}},
		Clusters:  []*envoy.Cluster{{Name: "outbound|80||api", Freshness: at(3)}, {Name: "static"}},
		Secrets:   []*envoy.Secret{{Name: "ROOTCA", Freshness: at(4)}},
	}
	s := mesh.New(&mesh.Evidence{Resources: &kube.Resources{Pods: []*kube.Pod{pod("web-1"), pod("unread")}}, Proxies: map[kube.Key]*envoy.Proxy{web: proxy}})
	for place, want := range map[Place]time.Time{
		{web, "listeners", "virtualInbound"}:                                day(2), // the newest
		{web, "clusters", "outbound|80||api"}:                               day(3),
		{web, "secrets", "ROOTCA"}:                                          day(4),
		{web, "clusters", "static"}:                                         {},
		{web, "clusters", "outbound"}:                                       {},
		{web, "secrets", ""}:                                                {},
		{kube.Key{Namespace: "shop", Name: "unread"}, "clusters", "static"}: {},
		{kube.Key{Namespace: "shop", Name: "gone"}, "secrets", "ROOTCA"}:    {},
		{}: {},
	} {
		if got := place.Updated(s); !got.Equal(want) {
			t.Errorf("%+v: %s, want %s", place, got, want)
		}
	}
	fact := DumpFact(s.Pod(web), "secrets", "ROOTCA", "says")
	if want := (Fact{Proxy, "shop/web-1 config_dump secrets/ROOTCA", "says", Place{web, "secrets", "ROOTCA"}}); fact != want {
		t.Errorf("%+v, want %+v", fact, want)
	}
}
