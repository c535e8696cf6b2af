package handshake

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// size is that of a mesh whose first workloads have services. Every pod has a certificate of its own;
// every tenth service lets in two workloads only; the proxies have one of several configs, each with a
// DestinationRule of its own.
type size struct{ workloads, services, replicas, configs int }

func (s size) String() string {
	return fmt.Sprintf("%dx%dx%d,configs=%d", s.workloads, s.services, s.replicas, s.configs)
}

// bigMesh is such a mesh, of parts that proxies share as they do when they are decoded.
func bigMesh(b *testing.B, n size) *mesh.Evidence {
	b.Helper()
	w := newWorld(b)
	for i := range n.workloads {
		for r := range n.replicas {
			p := w.pod(fmt.Sprintf("shop/w%d-%d", i, r))
			p.leaf = w.ca.Leaf(fmt.Sprintf("shop/w%d", i))
			k := len(w.pods)
			p.Status.PodIP = netip.AddrFrom4([4]byte{10, byte(k >> 16), byte(k >> 8), byte(k)}).String()
			p.OwnerReferences = []kube.OwnerReference{{Kind: "StatefulSet", Controller: true, Name: fmt.Sprintf("w%d", i)}}
		}
	}
	for i := range n.services {
		s := w.service(fmt.Sprintf("shop/w%d", i), "http 80 8080")
		s.vip = netip.AddrFrom4([4]byte{172, 20, byte(i >> 8), byte(i)}).String()
		s.pods = w.pods[i*n.replicas : (i+1)*n.replicas]
	}
	return w.shared(n)
}

// shared is evidence in which proxies of one config share all but what is their own.
func (w *world) shared(n size) *mesh.Evidence {
	w.ev = &mesh.Evidence{CapturedAt: worldTime, Resources: &w.res, Proxies: map[kube.Key]*envoy.Proxy{}}
	for _, s := range w.services {
		w.register(s)
	}
	configs := make([]envoy.Proxy, n.configs)
	base := w.istiod(w.pods[0])
	for i := range configs {
		configs[i] = *base
		configs[i].Clusters = slices.Clone(base.Clusters)
		c := *base.Clusters[2+i] // after PassthroughCluster and BlackHoleCluster
		c.Matches, c.Config = nil, fmt.Sprintf("/apis/networking.istio.io/v1/namespaces/shop/destination-rule/w%d", i)
		configs[i].Clusters[2+i] = &c
	}
	for i, p := range w.pods {
		x := configs[i/n.replicas%n.configs]
		inbound := w.virtualInbound(p)
		if i/n.replicas%10 == 0 {
			letTwoIn(inbound)
		}
		x.Listeners = append(slices.Clone(x.Listeners[:len(x.Listeners)-1]), inbound)
		x.Secrets = append([]*envoy.Secret{{Name: "default", Chain: chainOf(p.leaf), Freshness: active}}, x.Secrets[1:]...)
		w.ev.Proxies[p.Key()] = &x
		w.res.Pods = append(w.res.Pods, p.Pod)
	}
	return w.ev
}

// letTwoIn lets in two workloads only.
func letTwoIn(l *envoy.Listener) {
	const ns = "spiffe://cluster.local/ns/shop/sa/"
	who := &envoy.RBACRule{Or: []*envoy.RBACRule{principal("exact", ns+"w1"), principal("exact", ns+"w2")}}
	for _, fc := range l.FilterChains {
		fc.Filters = append([]*envoy.Filter{rbac("ALLOW", &envoy.RBACRule{Any: true}, who)}, fc.Filters...)
	}
}

// BenchmarkEdges makes every edge of a mesh an object of its own, with what it rests on.
func BenchmarkEdges(b *testing.B) {
	snap := mesh.New(bigMesh(b, size{200, 100, 3, 1}))
	first := Query{Client: func(p *mesh.Pod) bool { return p.Name[len(p.Name)-1] == '0' }}
	b.ReportAllocs()
	edges := 0
	for b.Loop() {
		edges += len(New(snap).Edges(first))
	}
	b.ReportMetric(float64(edges)/b.Elapsed().Seconds(), "edges/s")
	b.ReportMetric(float64(edges)/float64(b.N), "edges/op")
}

// BenchmarkClasses gives the verdict of every pair of pods: its time follows what differs. heap-MB is
// the whole program's at the end, evidence included.
func BenchmarkClasses(b *testing.B) {
	for _, n := range []size{{500, 250, 5, 1}, {2000, 250, 5, 1}, {2000, 1000, 5, 1}, {2000, 1000, 5, 10}, {2000, 1000, 5, 100}} {
		b.Run(n.String(), func(b *testing.B) {
			snap := mesh.New(bigMesh(b, n))
			b.ReportAllocs()
			classes, edges := 0, 0
			for b.Loop() {
				for c := range New(snap).Classes(Query{}) {
					classes++
					edges += c.Size()
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(edges)/float64(b.N), "edges/op")
			b.ReportMetric(float64(classes)/float64(b.N), "classes/op")
			b.ReportMetric(float64(m.HeapSys)/1e6, "heap-MB")
			runtime.KeepAlive(snap)
		})
	}
}
