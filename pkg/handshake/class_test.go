package handshake

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// verdictOf is what members of a class have in common with the edge that was replayed: all but names.
type verdictOf struct {
	Verdict     Verdict
	Reason      Reason
	Blockers    []Reason
	Assumptions []Assumption
	Path        Path
	Socket      string
	Captured    bool
	Chain       string
	Accepts     string
	Via         string
	Session     Session // without identities
}

func verdict(e *Edge) verdictOf {
	v := verdictOf{
		Verdict: e.Verdict, Reason: e.Reason, Assumptions: e.Assumptions, Path: e.Outbound.Path, Socket: e.Outbound.Socket,
		Captured: e.Inbound.Captured, Chain: e.Inbound.Chain, Accepts: e.Inbound.Accepts,
	}
	for _, b := range e.Blockers {
		v.Blockers = append(v.Blockers, b.Reason)
	}
	if e.Via != nil {
		v.Via = e.Via.Key().String()
	}
	if e.TLS != nil {
		v.Session = *e.TLS
		v.Session.ClientID, v.Session.ServerID = "", ""
	}
	return v
}

// member names a connection.
func member(e *Edge, client *mesh.Pod, s *Server) string {
	x := *e
	x.Client, x.Server = client, *s
	return fmt.Sprintf("%s -> %s:%d %s at %v%s by %s of %v", client.Key(), s.Name, s.Port, s.Subset, s.Address, s.Hostname, e.Outbound.Cluster, x.declaredBy())
}

// sameAsPairs compares classes with a replay of each pair, and returns how many of either there are.
func sameAsPairs(t *testing.T, s *mesh.Snapshot, q Query) (classes, pairs int) {
	t.Helper()
	want := map[string]verdictOf{}
	for _, e := range New(s).Edges(q) {
		want[member(e, e.Client, &e.Server)] = verdict(e)
	}
	got := map[string]verdictOf{}
	for c := range New(s).Classes(q) {
		classes++
		pairs += c.Size()
		for _, client := range c.Clients {
			for i := range c.Servers {
				name := member(c.Edge, client, &c.Servers[i])
				if _, twice := got[name]; twice {
					t.Errorf("in two classes: %s", name)
				}
				got[name] = verdict(c.Edge)
			}
		}
	}
	if diff := differ(want, got); diff != "" {
		t.Errorf("classes and pairs differ:\n%s", diff)
	}
	return classes, pairs
}

func TestClassesAreThePairsOfEveryCapture(t *testing.T) {
	classes, pairs := 0, 0
	onEveryCapture(t, func(t *testing.T, ev *mesh.Evidence) {
		s := mesh.New(ev)
		c, p := sameAsPairs(t, s, Query{})
		classes, pairs = classes+c, pairs+p
		some := s.Pods[len(s.Pods)/2].Namespace
		sameAsPairs(t, s, Query{Either: func(pod *mesh.Pod) bool { return pod.Namespace == some }})
	})
	t.Logf("%d pairs in %d classes", pairs, classes)
	if classes >= pairs {
		t.Errorf("%d pairs make %d classes", pairs, classes)
	}
}

// TestClassesFollowWhatDiffers spoils one replica, client or server, of a mesh whose pods are alike.
func TestClassesFollowWhatDiffers(t *testing.T) {
	tests := map[string]func(w *world){
		"nothing":               func(*world) {},
		"an expired client":     func(w *world) { w.find("shop/w0-1").leaf = w.ca.Leaf("shop/w0", testca.Expired(worldTime)) },
		"a strange client":      func(w *world) { w.find("shop/w1-0").leaf = w.otherCA().Leaf("shop/w1") },
		"a mode of one replica": func(w *world) { w.find("shop/w0-1").modes[8080] = strict },
		"no secret":             func(w *world) { w.proxy("shop/w2-1").Secrets = nil },
		"a version of one": func(w *world) {
			for _, x := range w.evidence().Proxies {
				x.Version = "1.40.0"
			}
			w.proxy("shop/w0-1").Version = "1.38.0"
		},
		"a key of another kind": func(w *world) {
			w.find("shop/w0-1").leaf = w.ca.Leaf("shop/w0", testca.RSA(2048))
			for _, x := range w.evidence().Proxies {
				for _, c := range x.Clusters[2:] {
					c.Matches[0].Socket.TLS.MaxVersion, c.Matches[0].Socket.TLS.Ciphers = "TLSv1_2", []string{"ECDHE-ECDSA-AES128-GCM-SHA256"}
				}
			}
		},
		"one unread":           func(w *world) { w.unread("shop/w1-1") },
		"a label that is gone": func(w *world) { w.proxy("shop/w2-0").Endpoints = nil },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			w := replicated(t, 3, 2)
			spoil(w)
			sameAsPairs(t, mesh.New(w.evidence()), Query{})
		})
	}
}

// replicated is a mesh of workloads of two pods, of which the first have services.
func replicated(t testing.TB, workloads, services int) *world {
	w := newWorld(t)
	for i := range workloads {
		for r := range 2 {
			p := w.pod(fmt.Sprintf("shop/w%d-%d", i, r))
			p.OwnerReferences = []kube.OwnerReference{{Kind: "StatefulSet", Controller: true, Name: fmt.Sprintf("w%d", i)}}
			p.Spec.ServiceAccountName = fmt.Sprintf("w%d", i)
			p.leaf = w.ca.Leaf(fmt.Sprintf("shop/w%d", i))
		}
	}
	for i := range services {
		s := w.service(fmt.Sprintf("shop/w%d", i), "http 80 8080", "tcp 9000")
		for r := range 2 {
			s.of(fmt.Sprintf("shop/w%d-%d", i, r))
		}
	}
	return w
}

// TestClassesAreThePairsOfGeneratedMeshes spoils meshes of replicas at random, in several places at once.
func TestClassesAreThePairsOfGeneratedMeshes(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 6))
			w := generated(t, r)
			for range r.IntN(6) {
				spoils[r.IntN(len(spoils))](w, anyProxy(w, r), r)
			}
			sameAsPairs(t, mesh.New(w.evidence()), Query{})
		})
	}
}

// anyProxy is one of those that were not taken away.
func anyProxy(w *world, r *rand.Rand) *envoy.Proxy {
	for {
		if x := w.evidence().Proxies[w.pods[r.IntN(len(w.pods))].Key()]; x != nil {
			return x
		}
	}
}

func generated(t *testing.T, r *rand.Rand) *world {
	w := replicated(t, 4, 3)
	w.services[r.IntN(3)].headless()
	w.service("shop/outside", "https 443 8443", "mysql 3306").pods = w.pods[2:5]
	w.rules[w.services[r.IntN(3)].host] = []rule{tlsDisable, tlsSimple, istioMutual}[r.IntN(3)]
	for range r.IntN(4) {
		p := w.pods[r.IntN(len(w.pods))]
		switch r.IntN(5) {
		case 0:
			p.modes[[]uint32{0, 8080, 9000}[r.IntN(3)]] = []string{strict, disable}[r.IntN(2)]
		case 1:
			p.leaf = w.ca.Leaf("shop/w0", testca.Expired(worldTime))
		case 2:
			p.leaf = w.otherCA().Leaf("shop/w1")
		case 3:
			p.Annotations["traffic.sidecar.istio.io/excludeInboundPorts"] = "8080"
		default:
			p.Annotations["traffic.sidecar.istio.io/excludeOutboundPorts"] = "9000"
		}
	}
	return w
}
