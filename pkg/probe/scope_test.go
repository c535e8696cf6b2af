package probe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// meshed is a running pod with a sidecar; its ReplicaSet is the name up to the last dash.
func meshed(namespace, name string, edit ...func(*kube.Pod)) *kube.Pod {
	p := &kube.Pod{Meta: kube.Meta{Namespace: namespace, Name: name}}
	if i := strings.LastIndex(name, "-"); i > 0 {
		p.OwnerReferences = []kube.OwnerReference{{Kind: "ReplicaSet", Name: name[:i], Controller: true}}
	}
	p.Spec.Containers = []kube.Container{{Name: "istio-proxy", Args: []string{"proxy", "sidecar"}}}
	p.Status.Phase = "Running"
	p.Status.Conditions = []kube.Condition{{Type: "Ready", Status: "True"}}
	for _, e := range edit {
		e(p)
	}
	return p
}

func phase(s string) func(*kube.Pod) { return func(p *kube.Pod) { p.Status.Phase = s } }
func notReady(p *kube.Pod)           { p.Status.Conditions = nil }
func noProxy(p *kube.Pod)            { p.Spec.Containers[0].Name = "app" }
func nativeSidecar(p *kube.Pod) {
	p.Spec.InitContainers, p.Spec.Containers = p.Spec.Containers, []kube.Container{{Name: "app"}}
}
func ztunnel(p *kube.Pod) { p.Spec.Containers[0].Args = []string{"proxy", "ztunnel"} }
func proxyless(p *kube.Pod) {
	p.Spec.Containers[0].Env = []kube.EnvVar{{Name: "ISTIO_META_GENERATOR", Value: "grpc"}}
}

func TestSelectProxies(t *testing.T) {
	pods := []*kube.Pod{
		meshed("shop", "b-1"), meshed("shop", "a-2", nativeSidecar), meshed("shop", "a-1"),
		meshed("pay", "x-1"), meshed("pay", "x-2"), meshed("pay", "y-1", notReady), meshed("pay", "y-2"), meshed("ops", "alone"),
		meshed("shop", "naked-1", noProxy), meshed("shop", "done-1", phase("Succeeded")), meshed("shop", "failed-1", phase("Failed"), noProxy),
		meshed("shop", "wait-1", phase("Pending")), meshed("shop", "grpc-1", proxyless), meshed("istio-system", "ztunnel-1", ztunnel),
	}
	cannot := []string{
		"shop/wait-1 port-forward: the pod is Pending",
		"shop/grpc-1 out-of-scope: proxyless gRPC: there is no Envoy to ask",
		"istio-system/ztunnel-1 out-of-scope: ztunnel is not an Envoy and is not read yet",
	}
	beyond := func(pods ...string) []string {
		out := append([]string{}, cannot...)
		for _, p := range pods {
			out = append(out, p+" out-of-scope: not read: outside the scope, and beyond the bound on peers")
		}
		return out
	}
	for _, tc := range []struct {
		name     string
		scope    string
		maxPeers int
		want     []string
		gaps     []string
	}{
		{"scope first, then every workload once, ready replicas first", "shop", -1, []string{
			"shop/a-1", "shop/a-2", "shop/b-1",
			"ops/alone", "pay/x-1", "pay/y-2", "pay/x-2", "pay/y-1",
		}, cannot},
		{"bound", "shop", 3, []string{"shop/a-1", "shop/a-2", "shop/b-1", "ops/alone", "pay/x-1", "pay/y-2"}, beyond("pay/x-2", "pay/y-1")},
		{"no bound met", "shop", 5, []string{
			"shop/a-1", "shop/a-2", "shop/b-1", "ops/alone", "pay/x-1", "pay/y-2", "pay/x-2", "pay/y-1",
		}, cannot},
		{"empty scope", "nowhere", -1, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sel := selectProxies(&kube.Resources{Pods: pods}, func(p *kube.Pod) bool { return p.Namespace == tc.scope }, tc.maxPeers,
				func(*kube.Pod) int32 { return 15000 })
			var got, gaps []string
			for _, x := range sel.targets {
				got = append(got, x.String())
			}
			for _, g := range sel.gaps {
				gaps = append(gaps, fmt.Sprintf("%s/%s %s: %s", g.Subject.Namespace, g.Subject.Name, g.Stage, g.Message))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("proxies (-want +got):\n%s", diff)
			}
			if tc.gaps == nil {
				return
			}
			if diff := cmp.Diff(tc.gaps, gaps); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAdminPort(t *testing.T) {
	injected := func(json string) func(*kube.Pod) {
		return func(p *kube.Pod) {
			p.Spec.Containers[0].Env = []kube.EnvVar{{Name: "PROXY_CONFIG", Value: json}}
		}
	}
	annotated := func(yaml string) func(*kube.Pod) {
		return func(p *kube.Pod) { p.Annotations = map[string]string{proxyConfigAnnotation: yaml} }
	}
	mesh := &kube.MeshConfig{DefaultConfig: kube.ProxyDefaults{ProxyAdminPort: 15003}}
	for _, tc := range []struct {
		name string
		pod  *kube.Pod
		mesh *kube.MeshConfig
		want int32
	}{
		{"default", meshed("a", "b"), nil, 15000},
		{"mesh config", meshed("a", "b"), mesh, 15003},
		{"annotation in YAML", meshed("a", "b", annotated("concurrency: 2\nproxyAdminPort: 15002\n")), mesh, 15002},
		{"annotation in JSON", meshed("a", "b", annotated(`{"proxyAdminPort":15002}`)), mesh, 15002},
		{"injected", meshed("a", "b", annotated("proxyAdminPort: 15002"), injected(`{"proxyAdminPort":15001}`)), mesh, 15001},
		{"injected into a native sidecar", meshed("a", "b", injected(`{"proxyAdminPort":15001}`), nativeSidecar), mesh, 15001},
		{"injected without a port", meshed("a", "b", injected("{}\n")), mesh, 15003},
		{"no YAML", meshed("a", "b", annotated("{")), mesh, 15003},
		{"no port", meshed("a", "b", annotated("proxyAdminPort: 70000")), nil, 15000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := adminPort(tc.pod, tc.mesh); got != tc.want {
				t.Errorf("port %d, want %d", got, tc.want)
			}
		})
	}
}

func TestMeshConfigOfTheDefaultRevisionDecides(t *testing.T) {
	r := &kube.Resources{}
	add := func(namespace, name, mesh string) {
		r.ConfigMaps = append(r.ConfigMaps, &kube.ConfigMap{Meta: kube.Meta{Namespace: namespace, Name: name}, Data: map[string]string{"mesh": mesh}})
	}
	add("other", "istio", "defaultConfig: {proxyAdminPort: 1}")
	if meshConfig(r, "istio-system") != nil {
		t.Error("took the mesh config of another namespace")
	}
	add("istio-system", "istio-canary", "defaultConfig: {proxyAdminPort: 2}")
	add("istio-system", "istio", "defaultConfig: {proxyAdminPort: 3}")
	add("istio-system", "istio-blue", "defaultConfig: {proxyAdminPort: 4}")
	add("istio-system", "istio-bad", "{")
	if m := meshConfig(r, "istio-system"); m == nil || m.DefaultConfig.ProxyAdminPort != 3 {
		t.Errorf("mesh config %+v", m)
	}
}

func TestAdminPortOverride(t *testing.T) {
	c := newCluster(t)
	c.addProxy("a", newEnvoy())
	m, _ := collect(t, c, Options{AdminPort: 15099})
	if g := m.gap(t, "a"); !strings.HasPrefix(g.Message, "the proxy does not answer on its admin port 15099") {
		t.Errorf("gap: %+v", g)
	}
}

func FuzzParseAdminPort(f *testing.F) {
	for _, s := range []string{"", "{}", "proxyAdminPort: 15001", `{"proxyAdminPort":"x"}`, "a: &a [*a]", "proxyAdminPort: 1e9", "\x00", "- 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, config string) {
		port, err := parseAdminPort(config)
		if err != nil && port != 0 || port < 0 || port > 65535 {
			t.Errorf("port %d with error %v", port, err)
		}
	})
}
