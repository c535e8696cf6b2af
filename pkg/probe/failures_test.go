package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

type (
	resources = kube.Resources
	key       = kube.Key
)

func TestErrorsThatEndAReading(t *testing.T) {
	c := newCluster(t)
	unreachable := func(o *Options) { o.Config = &rest.Config{Host: "http://127.0.0.1:1"} }
	for _, tc := range []struct {
		name string
		edit func(*Options)
		want error
		text []string
	}{
		{"no kubeconfig", func(o *Options) { o.Config = nil }, ErrUnreachable, []string{"no kubeconfig", "--context"}},
		{"bad host", func(o *Options) { o.Config = &rest.Config{Host: "://"} }, ErrUnreachable, []string{"check the kubeconfig"}},
		{"nobody there", unreachable, ErrUnreachable, []string{"127.0.0.1:1", "connection refused", "kubectl cluster-info"}},
		{"wrong token", func(o *Options) { o.Config.BearerToken = "old" }, ErrUnauthorized, []string{c.URL, "log in again"}},
		{"no such namespace", func(o *Options) { o.Namespaces = []string{"shop", "nope"} }, ErrNoNamespace, []string{`"nope"`, "kubectl get namespaces"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{}.on(c)
			tc.edit(&o)
			_, err := Collect(t.Context(), o, newMemory())
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			for _, s := range tc.text {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

func TestNotAnAPIServer(t *testing.T) {
	c := newCluster(t)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>log in</html>") })
	c.Config.Handler = page
	_, err := Collect(t.Context(), Options{}.on(c), newMemory())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "not a Kubernetes API server") {
		t.Errorf("error %v", err)
	}
}

func TestHiddenVersionIsNoFailure(t *testing.T) {
	c := newCluster(t)
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "no"}, func(r *http.Request) bool { return r.URL.Path == "/version" })
	if _, manifest := collect(t, c, Options{}); manifest.ClusterVersion != "" {
		t.Errorf("version %q", manifest.ClusterVersion)
	}
}

func TestUnknownTargetEndsTheReading(t *testing.T) {
	c := newCluster(t)
	want := errors.New(`no deployment "x"`)
	o := Options{Pods: func(*resources) ([]key, error) { return nil, want }}.on(c)
	if _, err := Collect(t.Context(), o, newMemory()); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}

// TestProxyThatCanNotBeRead has one bad proxy beside a good one: the bad one is a gap with its
// reason, and the good one is read.
func TestProxyThatCanNotBeRead(t *testing.T) {
	cut := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.RawQuery, "dynamic_active_clusters") {
			return false
		}
		fmt.Fprint(w, `{"configs":[`+item("ClustersConfigDump.DynamicCluster", `"version_info":"7"`)+`,{"@type":"type.goo`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	text := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/certs" {
			return false
		}
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return true
	}
	garbage := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/config_dump" {
			return false
		}
		fmt.Fprint(w, "not JSON")
		return true
	}
	for _, tc := range []struct {
		name                 string
		edit                 func(*cluster, *envoy)
		stage, message, hint string
	}{
		{"refused", func(c *cluster, _ *envoy) { c.envoys["shop/bad"] = nil }, StagePortForward, "the proxy does not answer on its admin port 15000", "--proxy-admin-port"},
		{"gone", func(c *cluster, _ *envoy) { delete(c.envoys, "shop/bad") }, StagePortForward, "the pod is gone: pods bad not found", ""},
		{"dies in mid-body", func(_ *cluster, e *envoy) { e.override = cut }, "config_dump", "the answer was cut in the middle", "run again"},
		{"says no", func(_ *cluster, e *envoy) { e.override = text }, "certs", "the admin interface answers 503: out of order", ""},
		{"speaks no JSON", func(_ *cluster, e *envoy) { e.override = garbage }, "config_dump", "/config_dump?resource=dynamic_listeners: jsontext: invalid character", ""},
		{"pending", func(c *cluster, _ *envoy) {
			c.lists["/api/v1/pods"][0].(object)["status"] = object{"phase": "Pending"}
		}, StagePortForward, "the pod is Pending", "kubectl -n shop describe pod bad"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t)
			bad := newEnvoy()
			c.addProxy("bad", bad)
			c.addProxy("good", newEnvoy())
			tc.edit(c, bad)
			m, _ := collect(t, c, Options{})
			g := m.gap(t, "bad")
			if g.Stage != tc.stage || !strings.HasPrefix(g.Message, tc.message) || !strings.Contains(g.Hint, tc.hint) || len(m.gaps) != 1 {
				t.Errorf("gaps: %+v", m.gaps)
			}
			if m.members["proxies/shop/good/clusters.json"] == "" {
				t.Error("the other proxy was not read")
			}
		})
	}
}

// hangs answers nothing until the client has gone.
func hangs(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

func TestProxyThatHangs(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	e.override = hangs
	c.addProxy("a", e)
	m, _ := collect(t, c, Options{ProxyTimeout: time.Second})
	if g := m.gap(t, "a"); g.Message != "timed out after 1s" || !strings.Contains(g.Hint, "--proxy-timeout") || len(m.gaps) != 1 {
		t.Errorf("gaps: %+v", m.gaps)
	}
}

func TestCutDumpIsKeptAsFarAsItGoes(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	e.override = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.RawQuery, "static_listeners") {
			return false
		}
		fmt.Fprint(w, `{"configs":[{"@t`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.addProxy("a", e)
	m, _ := collect(t, c, Options{})
	got := m.members["proxies/shop/a/config_dump-listeners.json"]
	if !strings.HasSuffix(got, `{"name":"virtualOutbound"}]`) {
		t.Errorf("listeners: %s", got)
	}
	if m.members["proxies/shop/a/config_dump-clusters.json"] != "" {
		t.Error("asked on after the connection was lost")
	}
}

func TestWebSocketRefusedThenSPDY(t *testing.T) {
	c := newCluster(t)
	c.addProxy("a", newEnvoy())
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "cannot get pods/portforward"}, func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/portforward")
	})
	m, _ := collect(t, c, Options{})
	if len(m.gaps) > 0 || c.upgrades["POST"] != 1 || c.upgrades["GET"] != 0 {
		t.Errorf("upgrades %v, gaps %v", c.upgrades, m.gaps)
	}
}

func TestPortForwardForbidden(t *testing.T) {
	c := newCluster(t)
	c.addProxy("a", newEnvoy())
	c.refuse = refuseLists(&status{code: 403, reason: "Forbidden", text: "cannot create pods/portforward"}, isList("portforward"))
	m, _ := collect(t, c, Options{})
	g := m.gap(t, "a")
	if g.Stage != StagePortForward || g.Message != "port-forward is forbidden: cannot create pods/portforward" || !strings.Contains(g.Hint, "--exec") {
		t.Errorf("gap: %+v", g)
	}
}

func TestCancelledWhileProxiesHang(t *testing.T) {
	c := newCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var waiting atomic.Int32
	for i := range 3 {
		e := newEnvoy()
		e.override = func(_ http.ResponseWriter, r *http.Request) bool {
			if waiting.Add(1) == 2 {
				cancel()
			}
			<-r.Context().Done()
			return true
		}
		c.addProxy(fmt.Sprint("p", i), e)
	}
	_, err := Collect(ctx, Options{Concurrency: 2}.on(c), newMemory())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCancelledWhileTheUpgradeHangs(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			c := newCluster(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.addProxy("a", newEnvoy())
			c.refuse = func(r *http.Request) *status {
				switch {
				case !isList("portforward")(r):
					return nil
				case r.Method != method:
					return &status{code: 403, reason: "Forbidden"}
				}
				cancel()
				<-r.Context().Done()
				return nil
			}
			if _, err := Collect(ctx, Options{}.on(c), newMemory()); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestTimeoutOfTheRun lets one proxy hang until the time of the run is over.
func TestTimeoutOfTheRun(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	e.override = hangs
	c.addProxy("hangs", e)
	c.addProxy("later", newEnvoy())
	m := newMemory()
	manifest, err := Collect(t.Context(), Options{Concurrency: 1, Timeout: 3 * time.Second}.on(c), m)
	if !errors.Is(err, ErrTimeout) || manifest.CapturedAt.IsZero() {
		t.Fatalf("error %v, manifest %+v", err, manifest)
	}
	for _, pod := range []string{"hangs", "later"} {
		if g := m.gap(t, pod); !strings.Contains(g.Message, ErrTimeout.Error()) {
			t.Errorf("gap: %+v", g)
		}
	}
	if len(m.pages["pods.core"]) != 1 {
		t.Error("what was read before is lost")
	}
}
