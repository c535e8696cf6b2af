package mesh_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestPlane(t *testing.T) {
	const sidecar = `"containers":[{"name":"app"},{"name":"istio-proxy","args":["proxy","sidecar"]}]`
	tests := []struct {
		name, metadata, spec string
		proxy                *envoy.Proxy
		want                 mesh.Plane
	}{
		{"no proxy", "", `"containers":[{"name":"app"}]`, nil, mesh.NoProxy},
		{"sidecar", "", sidecar, nil, mesh.Sidecar},
		{"native sidecar", "", `"containers":[{"name":"app"}],"initContainers":[{"name":"istio-proxy","restartPolicy":"Always","args":["proxy","sidecar"]}]`, nil, mesh.Sidecar},
		{"sidecar written by hand", "", `"containers":[{"name":"istio-proxy"}]`, nil, mesh.Sidecar},
		{"gateway", "", `"containers":[{"name":"istio-proxy","args":["proxy","router"]}]`, nil, mesh.Gateway},
		{"waypoint by its argument", "", `"containers":[{"name":"istio-proxy","args":["proxy","waypoint"]}]`, nil, mesh.Waypoint},
		{"waypoint by its label", `"labels":{"gateway.istio.io/managed":"istio.io-mesh-controller"}`, `"containers":[{"name":"istio-proxy"}]`, nil, mesh.Waypoint},
		{"ambient", `"annotations":{"ambient.istio.io/redirection":"enabled"}`, `"containers":[{"name":"app"}]`, nil, mesh.Ztunnel},
		{"sidecar in an ambient namespace", `"annotations":{"ambient.istio.io/redirection":"enabled"}`, sidecar, nil, mesh.Sidecar},
		{"ztunnel itself", `"labels":{"app":"ztunnel"}`, `"containers":[{"name":"istio-proxy"}]`, nil, mesh.NoProxy},
		{"the proxy knows better", "", sidecar, proxyOf("router", ""), mesh.Gateway},
		{"the proxy is there whatever its container is called", "", `"containers":[{"name":"envoy"}]`, proxyOf("", ""), mesh.Sidecar},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := &mesh.Evidence{Resources: resources(t, pod("p", "10.1.0.1", tt.metadata, tt.spec)), Proxies: map[kube.Key]*envoy.Proxy{}}
			if tt.proxy != nil {
				ev.Proxies[kube.Key{Namespace: "shop", Name: "p"}] = tt.proxy
			}
			p := mesh.New(ev).Pods[0]
			if p.Plane != tt.want {
				t.Errorf("plane %s, want %s", p.Plane, tt.want)
			}
			if unread := p.HasProxy() && p.Proxy == nil; unread != (p.Unread != "") {
				t.Errorf("proxy unread %t, and it says %q", unread, p.Unread)
			}
		})
	}
}

func TestUnreadSaysWhy(t *testing.T) {
	gap := mesh.Gap{Subject: kube.Ref{Kind: "Pod", Namespace: "shop", Name: "p"}, Stage: "port-forward", Message: "forbidden"}
	ev := &mesh.Evidence{Resources: resources(t, pod("p", "10.1.0.1", "", `"containers":[{"name":"istio-proxy"}]`)), Gaps: []mesh.Gap{gap}}
	if got := mesh.New(ev).Pods[0].Unread; got != "forbidden" {
		t.Errorf("unread because %q", got)
	}
}

func TestPodAt(t *testing.T) {
	s := snapshot(t,
		pod("a", "10.1.0.1", "", ""),
		pod("host", "172.16.0.1", "", `"hostNetwork":true`),
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"done","namespace":"shop"},"status":{"phase":"Succeeded","podIP":"10.1.0.9"}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"dual","namespace":"shop"},"status":{"podIP":"10.1.0.2","podIPs":[{"ip":"10.1.0.2"},{"ip":"fd00::2"}]}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b-old","namespace":"shop","deletionTimestamp":"2026-11-24T12:00:00Z"},"status":{"podIP":"10.1.0.3"}}`,
		`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c-new","namespace":"shop"},"status":{"podIP":"10.1.0.3"}}`,
	)
	for ip, want := range map[string]string{
		"10.1.0.1": "a", "::ffff:10.1.0.1": "a", "10.1.0.2": "dual", "fd00::2": "dual",
		"10.1.0.3":   "c-new", // the other is being deleted
		"172.16.0.1": "",      // a node's address
		"10.1.0.9":   "",      // that pod has ended
	} {
		got := ""
		if p := s.PodAt(mustAddr(ip)); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s: pod %q, want %q", ip, got, want)
		}
	}
	if n := len(s.Pod(kube.Key{Namespace: "shop", Name: "dual"}).Addresses); n != 2 {
		t.Errorf("a dual-stack pod has %d addresses", n)
	}
}

func TestPodFromItsProxyAlone(t *testing.T) {
	proxy := proxyOf("sidecar", "sidecar~10.1.0.7~lone.shop~shop.svc.corp.example")
	proxy.Node.Labels = map[string]string{"app": "lone"}
	s := mesh.New(&mesh.Evidence{Proxies: map[kube.Key]*envoy.Proxy{{Namespace: "shop", Name: "lone"}: proxy}})
	p := s.PodAt(mustAddr("10.1.0.7"))
	switch {
	case p == nil:
		t.Fatal("the address in the node id leads to no pod")
	case !p.Capture.Assumed || !p.Capture.Inbound(8080) || !p.Capture.Outbound(mustAddr("10.96.0.1"), 80):
		t.Errorf("capture %+v, want an assumed one of everything", p.Capture)
	case s.Domain != "corp.example":
		t.Errorf("domain %s", s.Domain)
	case p.Labels["app"] != "lone" || p.Plane != mesh.Sidecar || p.Proxy != proxy:
		t.Errorf("pod %+v", p)
	}
}

func TestClusterDomain(t *testing.T) {
	for id, want := range map[string]string{
		"sidecar~10.1.0.1~a.shop~shop.svc.cluster.local": "cluster.local",
		"sidecar~10.1.0.1~a.shop~shop.svc.k8s.corp":      "k8s.corp",
		"sidecar~10.1.0.1~a.shop~":                       "cluster.local",
		"":                                               "cluster.local",
	} {
		s := mesh.New(&mesh.Evidence{Proxies: map[kube.Key]*envoy.Proxy{{Name: "a"}: proxyOf("sidecar", id)}})
		if s.Domain != want {
			t.Errorf("%q: domain %s, want %s", id, s.Domain, want)
		}
	}
}

func TestWorkload(t *testing.T) {
	owner := func(kind, name string) string {
		return `"labels":{"pod-template-hash":"5b4"},"ownerReferences":[{"kind":"Other","name":"no"},{"kind":"` + kind + `","name":"` + name + `","controller":true}]`
	}
	rs := `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-5b4","namespace":"shop","ownerReferences":[{"kind":"Deployment","name":"web","controller":true}]}}`
	rollout := `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-5b4","namespace":"shop","ownerReferences":[{"kind":"Rollout","name":"web","controller":true}]}}`
	orphan := `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"web-5b4","namespace":"shop"}}`
	job := `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"nightly-1","namespace":"shop","ownerReferences":[{"kind":"CronJob","name":"nightly","controller":true}]}}`
	tests := []struct {
		name, metadata string
		others         []string
		want           string
	}{
		{"bare pod", "", nil, "pod/p"},
		{"Deployment through its ReplicaSet", owner("ReplicaSet", "web-5b4"), []string{rs}, "deploy/web"},
		{"Deployment without the ReplicaSets", owner("ReplicaSet", "web-5b4"), nil, "deploy/web"},
		{"ReplicaSet of a Rollout", owner("ReplicaSet", "web-5b4"), []string{rollout}, "rollout/web"},
		{"ReplicaSet that nobody owns", owner("ReplicaSet", "web-5b4"), []string{orphan}, "rs/web-5b4"},
		{"ReplicaSet of another name scheme", owner("ReplicaSet", "web"), nil, "rs/web"},
		{"StatefulSet", owner("StatefulSet", "db"), nil, "sts/db"},
		{"DaemonSet", owner("DaemonSet", "agent"), nil, "ds/agent"},
		{"Job", owner("Job", "once"), nil, "job/once"},
		{"CronJob through its Job", owner("Job", "nightly-1"), []string{job}, "cronjob/nightly"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := snapshot(t, append(tt.others, pod("p", "10.1.0.1", tt.metadata, ""))...)
			w := s.Pods[0].Workload
			if got := w.Short(); got != tt.want {
				t.Errorf("workload %s, want %s", got, tt.want)
			}
			if s.Workload(w.Ref) != w || len(w.Pods) != 1 {
				t.Errorf("workload %+v is not found by its reference", w)
			}
		})
	}
}

func TestRevision(t *testing.T) {
	for metadata, want := range map[string]string{
		`"annotations":{"istio.io/rev":"1-31"},"labels":{"istio.io/rev":"canary"}`: "1-31",
		`"labels":{"istio.io/rev":"canary"}`:                                       "canary",
		"":                                                                         "",
	} {
		if got := snapshot(t, pod("p", "10.1.0.1", metadata, "")).Pods[0].Revision(); got != want {
			t.Errorf("%s: revision %q, want %q", metadata, got, want)
		}
	}
}

func TestMeshConfigOfRevision(t *testing.T) {
	a, b := &kube.MeshConfig{}, &kube.MeshConfig{}
	tests := []struct {
		name     string
		configs  map[string]*kube.MeshConfig
		revision string
		want     *kube.MeshConfig
	}{
		{"its own", map[string]*kube.MeshConfig{"default": a, "canary": b}, "canary", b},
		{"the default", map[string]*kube.MeshConfig{"default": a, "canary": b}, "other", a},
		{"the only one", map[string]*kube.MeshConfig{"canary": b}, "other", b},
		{"one of several, and none fits", map[string]*kube.MeshConfig{"x": a, "y": b}, "other", nil},
		{"none", nil, "", nil},
	}
	for _, tt := range tests {
		if got := (&mesh.Evidence{MeshConfigs: tt.configs}).MeshConfig(tt.revision); got != tt.want {
			t.Errorf("%s: the wrong mesh config", tt.name)
		}
	}
}

// TestOrderOfReading: the snapshot does not depend on the order of the lists.
func TestOrderOfReading(t *testing.T) {
	objects := []string{
		pod("a", "10.1.0.1", "", ""), pod("b", "10.1.0.1", "", ""), pod("c", "10.1.0.3", "", ""),
		service("web", `"clusterIP":"10.96.0.1","ports":[{"name":"http","port":80}]`),
		slice("web", `{"name":"http","port":8080}`, `{"addresses":["10.1.0.3"],"conditions":{"ready":false}}`),
		slice("web", `{"name":"http","port":8080}`, `{"addresses":["10.1.0.3"],"conditions":{"ready":true}}`),
		entry("x", `"hosts":["a.example.com","b.example.com"],"addresses":["10.96.0.1"],"ports":[{"number":80,"protocol":"HTTP"}],"resolution":"DNS"`),
		entry("y", `"hosts":["a.example.com"],"addresses":["10.96.0.1"],"ports":[{"number":443,"protocol":"TLS"}],"resolution":"DNS"`),
	}
	var want []string
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		s := snapshot(t, objects...)
		got := []string{s.PodAt(mustAddr("10.1.0.1")).Name, s.HostAt(mustAddr("10.96.0.1")).Ref.String()}
		for _, h := range s.Hosts {
			got = append(got, h.Name, h.Ref.String())
			for _, p := range h.Ports {
				got = append(got, list(p.Endpoints)...)
			}
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
}

func TestNewLeavesItsEvidenceAlone(t *testing.T) {
	ev := &mesh.Evidence{}
	if s := mesh.New(ev); s.Resources == nil {
		t.Error("a snapshot without resources")
	}
	if ev.Resources != nil {
		t.Error("the evidence was changed")
	}
}
