package probe

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func named(namespace, name string) object {
	return object{"metadata": object{"namespace": namespace, "name": name}}
}

// refuseLists answers some requests with an error.
func refuseLists(s *status, match func(*http.Request) bool) func(*http.Request) *status {
	return func(r *http.Request) *status {
		if match(r) {
			return s
		}
		return nil
	}
}

func isList(plural string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/"+plural) }
}

func clusterWideLists(r *http.Request) bool {
	return r.URL.Path != "/version" && !strings.Contains(r.URL.Path, "/namespaces/")
}

func TestListsArePaged(t *testing.T) {
	c := newCluster(t)
	var want []string
	for i := range 1100 {
		want = append(want, fmt.Sprintf("svc-%04d", i))
		c.add("/api/v1/services", named("shop", want[i]))
	}
	m, _ := collect(t, c, Options{})
	if n := len(m.pages["services.core"]); n != 3 {
		t.Errorf("%d pages, want 3", n)
	}
	if diff := cmp.Diff(want, m.names(t, "services.core")); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

func TestExpiredContinueToken(t *testing.T) {
	for _, tc := range []struct {
		name, token string
		want        int
		message     string
	}{
		{"goes on with the newer state that is offered", "500", 700, ""},
		{"without an offer the list is incomplete", "", 500, "too old"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t)
			for i := range 700 {
				c.add("/api/v1/services", named("shop", fmt.Sprint("svc-", i)))
			}
			expired := &status{code: http.StatusGone, reason: "Expired", text: "the continue token is too old", token: tc.token}
			var expiredOnce atomic.Bool
			c.refuse = refuseLists(expired, func(r *http.Request) bool {
				return r.URL.Query().Get("continue") != "" && expiredOnce.CompareAndSwap(false, true)
			})
			m, _ := collect(t, c, Options{})
			if n := len(m.names(t, "services.core")); n != tc.want {
				t.Errorf("%d services, want %d", n, tc.want)
			}
			if tc.message == "" && len(m.gaps) > 0 {
				t.Errorf("gaps: %v", m.gaps)
			}
			if tc.message != "" && !strings.Contains(m.gap(t, "services.core").Message, tc.message) {
				t.Errorf("gaps: %v", m.gaps)
			}
		})
	}
}

func TestServedVersionIsFound(t *testing.T) {
	c := newCluster(t)
	c.lists["/apis/networking.istio.io/v1beta1/destinationrules"] = []any{named("shop", "old")}
	delete(c.lists, "/apis/networking.istio.io/v1/destinationrules")
	m, _ := collect(t, c, Options{})
	if diff := cmp.Diff([]string{"old"}, m.names(t, "destinationrules.networking.istio.io")); diff != "" || len(m.gaps) > 0 {
		t.Errorf("destination rules (-want +got):\n%s\ngaps: %v", diff, m.gaps)
	}
}

func TestMissingKindIsAGap(t *testing.T) {
	c := newCluster(t)
	delete(c.lists, "/apis/networking.istio.io/v1/sidecars")
	m, _ := collect(t, c, Options{})
	g := m.gap(t, "sidecars.networking.istio.io")
	if g.Message != "the cluster has no sidecars.networking.istio.io" || g.Hint != "is Istio installed in this cluster?" || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

// Kinds of projects that many clusters do not have: without them nothing is missing.
func TestAddOnsMayBeAbsent(t *testing.T) {
	c := newCluster(t)
	for path := range c.lists {
		if strings.Contains(path, "/gateway.networking.k8s.io/") {
			delete(c.lists, path)
		}
	}
	c.lists["/apis/gateway.networking.k8s.io/v1alpha2/tcproutes"] = []any{named("shop", "old")}
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "no"}, isList("servicemonitors"))
	m, _ := collect(t, c, Options{Namespaces: []string{"shop"}})
	if len(m.gaps) > 0 {
		t.Errorf("gaps: %+v", m.gaps)
	}
	if diff := cmp.Diff([]string{"old"}, m.names(t, "tcproutes.gateway.networking.k8s.io")); diff != "" {
		t.Errorf("routes of an older version (-want +got):\n%s", diff)
	}
	c.refuse = refuseLists(&status{code: 500, text: "the database is away"}, isList("podmonitors"))
	m, _ = collect(t, c, Options{})
	if g := m.gap(t, "podmonitors.monitoring.coreos.com"); !strings.Contains(g.Message, "the database is away") {
		t.Errorf("gap: %+v", g)
	}
}

func TestForbiddenListIsAGap(t *testing.T) {
	c := newCluster(t)
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "services is forbidden"}, isList("services"))
	m, _ := collect(t, c, Options{})
	g := m.gap(t, "services.core")
	if !strings.Contains(g.Message, "services is forbidden") || g.Hint != "grant list on services (deploy/rbac.yaml)" || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

func TestTenantSeesItsNamespaces(t *testing.T) {
	c := newCluster(t)
	c.add("/api/v1/services", named("shop", "mine"), named("pay", "theirs"), named("istio-system", "istiod"))
	c.add("/api/v1/configmaps", named("istio-system", "istio"), named("shop", "istio-ca-root-cert"), named("pay", "istio-ca-root-cert"))
	c.addProxy("a", newEnvoy())
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "cannot list at the cluster scope"}, func(r *http.Request) bool {
		return clusterWideLists(r) || strings.HasSuffix(r.URL.Path, "/istio-system/pods")
	})
	m, manifest := collect(t, c, Options{Namespaces: []string{"shop"}})
	if diff := cmp.Diff([]string{"istiod", "mine"}, m.names(t, "services.core")); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"istio", "istio-ca-root-cert"}, m.names(t, "configmaps.core")); diff != "" {
		t.Errorf("config maps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shop"}, manifest.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	if g := m.gap(t, "services.core").Message; !strings.HasPrefix(g, "only listed in istio-system, shop: cannot list") {
		t.Errorf("gap: %s", g)
	}
	if g := m.gap(t, "pods.core").Message; !strings.HasPrefix(g, "only listed in shop: cannot list") {
		t.Errorf("gap: %s", g)
	}
	if m.members["proxies/shop/a/certs.json"] == "" {
		t.Error("the tenant's own proxy was not read")
	}
}

func TestTenantOfNothing(t *testing.T) {
	c := newCluster(t)
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "no"}, func(r *http.Request) bool { return r.URL.Path != "/version" })
	m, _ := collect(t, c, Options{Namespaces: []string{"shop"}})
	needed := slices.DeleteFunc(kube.Kinds(), func(k kube.Kind) bool { return k.AddOn })
	if len(m.gaps) != len(needed) || len(m.pages) > 0 {
		t.Errorf("%d gaps and %d lists, want %d and none: %v", len(m.gaps), len(m.pages), len(needed), m.gaps)
	}
	if g := m.gap(t, "pods.core"); g.Message != "no" || !strings.HasPrefix(g.Hint, "grant list on pods") {
		t.Errorf("gap: %+v", g)
	}
}

func TestOnlyNamedConfigMapsAndNoSecretsLeaveTheCluster(t *testing.T) {
	c := newCluster(t)
	pod := proxyPod("a")
	pod["metadata"].(object)["labels"] = object{"istio.io/rev": "canary"}
	c.add("/api/v1/pods", pod)
	c.add("/api/v1/configmaps", named("istio-system", "istio"), named("istio-system", "istio-canary"),
		named("istio-system", "istio-blue"), named("shop", "passwords"), named("shop", "istio-ca-root-cert"))
	m, _ := collect(t, c, Options{Revision: "blue"})
	if diff := cmp.Diff([]string{"istio", "istio-blue", "istio-canary", "istio-ca-root-cert"}, m.names(t, "configmaps.core")); diff != "" {
		t.Errorf("config maps (-want +got):\n%s", diff)
	}
	for _, r := range c.requests {
		if strings.Contains(r, "secrets") || strings.Contains(r, "configmaps") && !strings.Contains(r, "fieldSelector=metadata.name") {
			t.Errorf("asked for %s", r)
		}
	}
}

func TestOwnersAreListedWithoutTheirSpec(t *testing.T) {
	c := newCluster(t)
	accept := make(chan string, 3)
	c.refuse = func(r *http.Request) *status {
		if isList("replicasets")(r) || isList("jobs")(r) || isList("deployments")(r) {
			accept <- r.Header.Get("Accept")
		}
		return nil
	}
	collect(t, c, Options{})
	for range 3 {
		if a := <-accept; !strings.HasPrefix(a, "application/json;as=PartialObjectMetadataList") {
			t.Errorf("asked for %q", a)
		}
	}
}

func TestTargetsAreResolvedFromTheLists(t *testing.T) {
	c := newCluster(t)
	c.add("/api/v1/services", named("shop", "server"))
	var seen []string
	o := Options{Pods: nil}
	o.Pods = func(r *resources) ([]key, error) {
		for _, s := range r.Services {
			seen = append(seen, s.Key().String())
		}
		return nil, nil
	}
	collect(t, c, o)
	if !slices.Equal(seen, []string{"shop/server"}) {
		t.Errorf("services at that time: %v", seen)
	}
}
