package handshake

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/bundle"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// opened are the recorded meshes that tests share; none may change one.
var opened sync.Map // of file to func() *mesh.Evidence

// onEveryCapture runs a test on each recorded mesh, which it may not change.
func onEveryCapture(t *testing.T, f func(*testing.T, *mesh.Evidence)) {
	t.Helper()
	for _, file := range captureFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.gz"), func(t *testing.T) { f(t, sharedCapture(t, file)) })
	}
}

func sharedCapture(t testing.TB, file string) *mesh.Evidence {
	t.Helper()
	open, _ := opened.LoadOrStore(file, sync.OnceValue(func() *mesh.Evidence { return openCapture(t, file) }))
	ev := open.(func() *mesh.Evidence)()
	if ev == nil {
		t.Fatalf("%s was not opened", file)
	}
	return ev
}

func openCapture(t testing.TB, file string) *mesh.Evidence {
	t.Helper()
	ev, err := bundle.Open(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// told is what an edge says, without the pointers.
type told struct {
	Client, Server, Name, Address string
	Port                          uint32
	Verdict                       Verdict
	Why                           string
	Blockers                      []Blocker
	Evidence                      []Fact
	Assumptions                   []Assumption
	Outbound                      Outbound
	Inbound                       Inbound
	TLS                           *Session
}

func tellAll(ev *mesh.Evidence, q Query) []told {
	var out []told
	for _, e := range New(mesh.New(ev)).Edges(q) {
		out = append(out, tell(e))
	}
	return out
}

func tell(e *Edge) told {
	x := told{
		Client: e.Client.Key().String(), Name: e.Server.Name, Port: e.Server.Port, Address: e.Server.Address.String(), Verdict: e.Verdict, Why: e.Why,
		Blockers: e.Blockers, Evidence: e.Evidence, Assumptions: e.Assumptions, Outbound: e.Outbound, Inbound: e.Inbound, TLS: e.TLS,
	}
	if e.Server.Pod != nil {
		x.Server = e.Server.Pod.Key().String()
	}
	return x
}

func TestEdgesAreTheSameTwice(t *testing.T) {
	onEveryCapture(t, func(t *testing.T, ev *mesh.Evidence) {
		engine := New(mesh.New(ev))
		first, second := engine.Edges(Query{}), engine.Edges(Query{})
		for i := range first {
			if diff := differ(tell(first[i]), tell(second[i])); diff != "" {
				t.Fatalf("the same engine answers differently the second time:\n%s", diff)
			}
		}
		if diff := differ(tellAll(ev, Query{}), tellAll(ev, Query{})); diff != "" {
			t.Errorf("two engines answer differently:\n%s", diff)
		}
	})
}

func TestOrderOfReadingDecidesNothing(t *testing.T) {
	for _, file := range captureFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ev := openCapture(t, file)
			want := tellAll(ev, Query{})
			for seed := range uint64(3) {
				shuffleEvidence(ev, rand.New(rand.NewPCG(seed, 1)))
				if diff := differ(want, tellAll(ev, Query{})); diff != "" {
					t.Fatalf("seed %d:\n%s", seed, diff)
				}
			}
		})
	}
}

// differ is cmp.Diff, which takes its time, of what is not equal.
func differ[T any](a, b T) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b)
}

func shuffled[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// shuffleEvidence reorders every list whose order means nothing.
func shuffleEvidence(ev *mesh.Evidence, r *rand.Rand) {
	shuffled(r, ev.Resources.Pods)
	shuffled(r, ev.Resources.Services)
	shuffled(r, ev.Resources.EndpointSlices)
	shuffled(r, ev.Resources.ServiceEntries)
	shuffled(r, ev.Resources.WorkloadEntries)
	shuffled(r, ev.Resources.ReplicaSets)
	for _, s := range ev.Resources.EndpointSlices {
		shuffled(r, s.Endpoints)
	}
	for _, p := range ev.Proxies {
		shuffled(r, p.Listeners)
		shuffled(r, p.Clusters)
		shuffled(r, p.Secrets)
		for _, list := range p.Endpoints {
			shuffled(r, list)
		}
		for _, l := range p.Listeners {
			shuffled(r, l.FilterChains)
		}
		for _, rc := range p.Routes {
			shuffled(r, rc.VirtualHosts)
		}
	}
}

// A knockout takes one piece of evidence away and says what.
type knockout struct {
	what string
	pod  kube.Key // whose edges it may change; zero for all
	of   func(*mesh.Evidence) *mesh.Evidence
}

// narrow asks for the edges that the knockout may change.
func (k *knockout) narrow(q Query) Query {
	if k.pod != (kube.Key{}) {
		q.Either = func(p *mesh.Pod) bool { return p.Key() == k.pod }
	}
	return q
}

func knockouts(ev *mesh.Evidence, ends map[string]bool) []knockout {
	var out []knockout
	for key := range ev.Proxies {
		if !ends[key.String()] {
			continue
		}
		out = append(out, knockout{"proxy " + key.String(), key, func(ev *mesh.Evidence) *mesh.Evidence { return withProxy(ev, key, nil) }})
		for name, forget := range sections {
			out = append(out, knockout{name + " of " + key.String(), key, func(ev *mesh.Evidence) *mesh.Evidence {
				p := *ev.Proxies[key]
				forget(&p)
				return withProxy(ev, key, &p)
			}})
		}
	}
	for id := range lists {
		out = append(out, knockout{"list " + id, kube.Key{}, func(ev *mesh.Evidence) *mesh.Evidence { return withoutList(ev, id) }})
	}
	return out
}

var sections = map[string]func(*envoy.Proxy){
	"listeners": func(p *envoy.Proxy) { p.Listeners, p.Read = nil, p.Read&^envoy.SectionListeners },
	"clusters":  func(p *envoy.Proxy) { p.Clusters, p.Read = nil, p.Read&^envoy.SectionClusters },
	"endpoints": func(p *envoy.Proxy) { p.Endpoints, p.Read = nil, p.Read&^envoy.SectionEndpoints },
	"endpoints and hosts": func(p *envoy.Proxy) {
		p.Endpoints, p.Hosts, p.Read = nil, nil, p.Read&^(envoy.SectionEndpoints|envoy.SectionHosts)
	},
	"secrets": func(p *envoy.Proxy) { p.Secrets, p.Read = nil, p.Read&^envoy.SectionSecrets },
	"routes":  func(p *envoy.Proxy) { p.Routes, p.Read = nil, p.Read&^envoy.SectionRoutes },
}

var lists = map[string]func(*kube.Resources){
	"pods.core":                             func(r *kube.Resources) { r.Pods = nil },
	"services.core":                         func(r *kube.Resources) { r.Services = nil },
	"endpointslices.discovery.k8s.io":       func(r *kube.Resources) { r.EndpointSlices = nil },
	"serviceentries.networking.istio.io":    func(r *kube.Resources) { r.ServiceEntries = nil },
	"workloadentries.networking.istio.io":   func(r *kube.Resources) { r.WorkloadEntries = nil },
	"destinationrules.networking.istio.io":  func(r *kube.Resources) { r.DestinationRules = nil },
	"peerauthentications.security.istio.io": func(r *kube.Resources) { r.PeerAuthentications = nil },
	"namespaces.core":                       func(r *kube.Resources) { r.Namespaces = nil },
	"replicasets.apps":                      func(r *kube.Resources) { r.ReplicaSets = nil },
}

func withProxy(ev *mesh.Evidence, key kube.Key, p *envoy.Proxy) *mesh.Evidence {
	out := *ev
	out.Proxies = map[kube.Key]*envoy.Proxy{}
	for k, was := range ev.Proxies {
		out.Proxies[k] = was
	}
	if out.Proxies[key] = p; p == nil {
		delete(out.Proxies, key)
	}
	return &out
}

func withoutList(ev *mesh.Evidence, id string) *mesh.Evidence {
	out := *ev
	out.Resources = kube.Merge(ev.Resources)
	fresh := kube.Resources{}
	for _, k := range kube.Kinds() {
		if k.ID() != id && ev.Resources.HasRead(k.ID()) {
			fresh.MarkRead(k.ID())
		}
	}
	all := out.Resources
	fresh.Pods, fresh.Services, fresh.EndpointSlices, fresh.Namespaces = all.Pods, all.Services, all.EndpointSlices, all.Namespaces
	fresh.ServiceEntries, fresh.WorkloadEntries, fresh.DestinationRules = all.ServiceEntries, all.WorkloadEntries, all.DestinationRules
	fresh.PeerAuthentications, fresh.ReplicaSets, fresh.Jobs = all.PeerAuthentications, all.ReplicaSets, all.Jobs
	lists[id](&fresh)
	out.Resources = &fresh
	return &out
}

// TestUnknownIsNeverGreen takes pieces of evidence away, one at a time. An edge may then become
// unknown or disappear; it may not get another verdict.
//
// Two exceptions are meant, and every such edge says so: without the endpoints of a client's proxy, the
// registry's endpoints and the tlsMode label of their pods stand in (tls-mode-from-pod-label); without
// its /clusters, endpoints that stand in a cluster are taken for healthy (endpoint-in-rotation).
func TestUnknownIsNeverGreen(t *testing.T) {
	onEveryCapture(t, func(t *testing.T, ev *mesh.Evidence) {
		if neverGreen(t, ev, Query{}) == 0 {
			t.Error("no edges")
		}
	})
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			w := shop(t)
			if c.given != nil {
				c.given(w)
			}
			from := w.find(c.from).Key()
			host, _, _ := strings.Cut(c.to, ":")
			neverGreen(t, w.evidence(), Query{Client: func(p *mesh.Pod) bool { return p.Key() == from }, Host: func(h *mesh.Host) bool { return h.Name == fqdn(host) }})
		})
	}
}

func neverGreen(t *testing.T, ev *mesh.Evidence, q Query) (edges int) {
	t.Helper()
	before := outcomes(ev, q) // none where a case dials what is in no registry
	for _, k := range knockouts(ev, endsOf(before)) {
		for key, now := range outcomes(k.of(ev), k.narrow(q)) {
			was := before[key]
			for verdict, x := range now {
				_, had := was[verdict]
				said := func(a Assumption) bool { return a == TLSModeFromLabel || a == EndpointInRotation }
				meant := strings.HasPrefix(k.what, "endpoints") && slices.ContainsFunc(x.Assumptions, said)
				if len(was) > 0 && !had && verdict != Unknown && !meant {
					t.Errorf("without the %s, %s becomes %s (%s), was %v", k.what, key, verdict, x.Why, slices.Collect(maps.Keys(was)))
				}
			}
		}
	}
	return len(before)
}

// endsOf are the pods at either end of edges.
func endsOf(edges map[string]map[Verdict]told) map[string]bool {
	ends := map[string]bool{}
	for _, byVerdict := range edges {
		for _, x := range byVerdict {
			ends[x.Client], ends[x.Server] = true, true
		}
	}
	return ends
}

// outcomes are the edges by client, destination and endpoint, one for each verdict. Several
// routes may lead to one endpoint.
func outcomes(ev *mesh.Evidence, q Query) map[string]map[Verdict]told {
	out := map[string]map[Verdict]told{}
	for _, x := range tellAll(ev, q) {
		key := fmt.Sprintf("%s -> %s:%d %s", x.Client, x.Name, x.Port, x.Address)
		if out[key] == nil {
			out[key] = map[Verdict]told{}
		}
		out[key][x.Verdict] = x
	}
	return out
}
