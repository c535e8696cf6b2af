package handshake

import (
	"fmt"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// bigMesh has workloads that call each other's services: replicas of one workload share what
// the decoder would intern.
func bigMesh(b *testing.B, workloads, services, replicas int) *mesh.Evidence {
	b.Helper()
	w := newWorld(b)
	for i := range workloads {
		for r := range replicas {
			p := w.pod(fmt.Sprintf("shop/w%d-%d", i, r))
			p.Status.PodIP = fmt.Sprintf("10.%d.%d.%d", 1+r, i/250, 1+i%250)
			if r > 0 { // replicas have one service account; one certificate is enough to measure
				p.leaf = w.find(fmt.Sprintf("shop/w%d-0", i)).leaf
			}
		}
	}
	for i := range services {
		s := w.service(fmt.Sprintf("shop/w%d", i), "http 80 8080")
		for r := range replicas {
			s.of(fmt.Sprintf("shop/w%d-%d", i, r))
		}
	}
	return w.evidence()
}

// BenchmarkEdges replays one replica of each workload to every endpoint: 200 × 100 × 3.
func BenchmarkEdges(b *testing.B) {
	ev := bigMesh(b, 200, 100, 3)
	snap := mesh.New(ev)
	first := Query{Client: func(p *mesh.Pod) bool { return p.Name[len(p.Name)-1] == '0' }}
	b.ReportAllocs()
	edges := 0
	for b.Loop() {
		edges += len(New(snap).Edges(first))
	}
	if edges == 0 {
		b.Fatal("no edges")
	}
	b.ReportMetric(float64(edges)/b.Elapsed().Seconds(), "edges/s")
	b.ReportMetric(float64(edges)/float64(b.N), "edges/op")
}
