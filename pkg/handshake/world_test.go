package handshake

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/internal/testca"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// A world is a small mesh for tests: first it is described as its owner would (pods, services,
// modes, rules), then the proxies get what istiod would send them (istiod_test.go), and then a
// test may spoil what a proxy holds:
//
//	w := newWorld(t)
//	w.pod("shop/client")
//	w.pod("shop/server")
//	w.service("shop/server", "http 80 8080").of("shop/server")
//	w.accept("shop/server", strict)
//	w.proxy("shop/client").Secrets = nil
//	w.says("shop/client", "server.shop:80") // "fails: client-secret-missing"
type world struct {
	t        testing.TB
	ca       *testca.CA
	public   *testca.CA // what the outside world trusts
	bundles  map[string]*certs.Bundle
	pods     []*testPod
	services []*testService
	rules    map[string]rule // DestinationRules by host, as every client follows them
	policy   string          // outboundTrafficPolicy
	ev       *mesh.Evidence  // what was built; nothing may be described any more
	res      kube.Resources
}

var worldTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// The modes of PeerAuthentication.
const (
	strict     = "STRICT"
	permissive = "PERMISSIVE"
	disable    = "DISABLE"
)

// testPod is a pod with what istiod knows of it.
type testPod struct {
	*kube.Pod
	plane mesh.Plane
	modes map[uint32]string // by container port; 0 is every other
	leaf  *testca.Leaf
	trust []*testca.CA
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, ca: testca.New(worldTime), public: testca.New(worldTime, testca.Seed("public")), bundles: map[string]*certs.Bundle{}, rules: map[string]rule{}, policy: "ALLOW_ANY"}
	for _, k := range kube.Kinds() {
		w.res.MarkRead(k.ID())
	}
	return w
}

// shop is the mesh of most cases: client and server in the mesh, naked without a proxy.
//
//	shop/server    http 80, tcp 9000, https 443
//	legacy/naked   http 80, https 443
//	shop/db        http 8080, tcp 5432; headless
func shop(t testing.TB) *world {
	w := newWorld(t)
	w.pod("shop/client")
	w.pod("shop/server")
	w.pod("shop/db-0")
	w.pod("legacy/naked", noProxy)
	w.service("shop/server", "http 80 8080", "tcp 9000", "https 443 8443").of("shop/server")
	w.service("legacy/naked", "http 80 8080", "https 443 8443").of("legacy/naked")
	w.service("shop/db", "http 8080", "tcp 5432").of("shop/db-0").headless()
	return w
}

type podOption func(*testPod)

func noProxy(p *testPod)     { p.plane = mesh.NoProxy }
func gateway(p *testPod)     { p.plane = mesh.Gateway }
func hostNetwork(p *testPod) { p.Spec.HostNetwork, p.Status.PodIP = true, p.Status.HostIP }
func unready(p *testPod)     { p.Status.Conditions[0].Status = "False" }

// annotated sets an annotation; those of the injector decide what iptables captures.
func annotated(key, value string) podOption {
	return func(p *testPod) { p.Annotations[key] = value }
}

// pod adds a pod; its service account has its name, and its address the next number.
func (w *world) pod(name string, opts ...podOption) *testPod {
	w.mustBeOpen()
	ns, n, _ := strings.Cut(name, "/")
	p := &testPod{Pod: &kube.Pod{}, plane: mesh.Sidecar, modes: map[uint32]string{0: permissive}}
	p.Name, p.Namespace = n, ns
	p.Labels, p.Annotations = map[string]string{"app": n}, map[string]string{}
	p.Spec.ServiceAccountName = n
	p.Spec.Containers = []kube.Container{{Name: "app"}}
	p.Status = kube.PodStatus{
		Phase: "Running", PodIP: fmt.Sprintf("10.1.0.%d", len(w.pods)+1), HostIP: "172.16.0.1",
		Conditions: []kube.Condition{{Type: "Ready", Status: "True"}},
	}
	for _, o := range opts {
		o(p)
	}
	switch p.plane {
	case mesh.Sidecar:
		p.Labels["security.istio.io/tlsMode"] = "istio"
		p.Spec.Containers = append(p.Spec.Containers, kube.Container{Name: "istio-proxy", Args: []string{"proxy", "sidecar"}})
	case mesh.Gateway:
		p.Spec.Containers = []kube.Container{{Name: "istio-proxy", Args: []string{"proxy", "router"}}}
	}
	p.leaf, p.trust = w.ca.Leaf(ns+"/"+n), []*testca.CA{w.ca}
	w.pods = append(w.pods, p)
	return p
}

// testService is a Service or a ServiceEntry.
type testService struct {
	name, ns, host string
	vip            string // "" for a headless service and for an entry without an address
	ports          []testPort
	pods           []*testPod
	entry          *kube.ServiceEntry // nil for a Service
	alias          string
	isHeadless     bool
	w              *world
}

type testPort struct {
	name           string // of the protocol: http, tcp, https, tls; anything else is not declared
	number, target uint32
}

// service adds a Service. A port is "http 80 8080": protocol, port, target port.
func (w *world) service(name string, ports ...string) *testService {
	w.mustBeOpen()
	ns, n, _ := strings.Cut(name, "/")
	s := &testService{name: n, ns: ns, host: n + "." + ns + ".svc.cluster.local", w: w}
	s.vip = fmt.Sprintf("10.96.0.%d", len(w.services)+1)
	for _, p := range ports {
		s.ports = append(s.ports, parsePort(p))
	}
	w.services = append(w.services, s)
	return s
}

func parsePort(s string) (p testPort) {
	n, err := fmt.Sscanf(s, "%s %d %d", &p.name, &p.number, &p.target)
	if n == 2 && err != nil {
		p.target = p.number
	}
	return p
}

// of gives a service its pods.
func (s *testService) of(pods ...string) *testService {
	for _, p := range pods {
		s.pods = append(s.pods, s.w.find(p))
	}
	return s
}

func (s *testService) headless() { s.isHeadless, s.vip = true, "" }

// externalName makes the service an alias of another name.
func (s *testService) externalName(target string) { s.alias, s.vip = target, "" }

// entry adds a ServiceEntry of namespace shop.
func (w *world) entry(host, resolution string, ports ...string) *testService {
	s := w.service("shop/"+host, ports...)
	s.host, s.vip = host, ""
	s.entry = &kube.ServiceEntry{Meta: kube.Meta{Name: host, Namespace: "shop"}}
	s.entry.Spec = kube.ServiceEntrySpec{Hosts: []string{host}, Resolution: resolution, Location: "MESH_EXTERNAL"}
	for _, p := range s.ports {
		s.entry.Spec.Ports = append(s.entry.Spec.Ports,
			kube.EntryPort{Number: int32(p.number), Name: p.name, Protocol: strings.ToUpper(p.name), TargetPort: int32(p.target)})
	}
	return s
}

// at gives a ServiceEntry an endpoint.
func (s *testService) at(e kube.WorkloadEntrySpec) *testService {
	s.entry.Spec.Endpoints = append(s.entry.Spec.Endpoints, e)
	return s
}

// accept sets the effective mode of a pod's ports; without ports, of all that are not set.
func (w *world) accept(pod, mode string, ports ...uint32) {
	w.mustBeOpen()
	p := w.find(pod)
	if len(ports) == 0 {
		ports = []uint32{0}
	}
	for _, port := range ports {
		p.modes[port] = mode
	}
}

func (p *testPod) mode(port uint32) string {
	if m, ok := p.modes[port]; ok {
		return m
	}
	return p.modes[0]
}

// rule is what a DestinationRule makes of a host's clusters.
type rule string

const (
	auto        rule = ""
	tlsDisable  rule = "DISABLE"
	tlsSimple   rule = "SIMPLE"
	tlsMutual   rule = "MUTUAL" // with the file /etc/certs/cert.pem
	istioMutual rule = "ISTIO_MUTUAL"
)

// rule applies a DestinationRule to a service.
func (w *world) rule(service string, r rule) {
	w.mustBeOpen()
	w.rules[fqdn(service)] = r
}

// fqdn writes "server.shop" out.
func fqdn(s string) string {
	if strings.Count(s, ".") == 1 && !strings.HasPrefix(s, "*") {
		return s + ".svc.cluster.local"
	}
	return s
}

func (w *world) find(pod string) *testPod {
	i := slices.IndexFunc(w.pods, func(p *testPod) bool { return p.Key().String() == pod })
	if i < 0 {
		w.t.Fatalf("the world has no pod %s", pod)
	}
	return w.pods[i]
}

func (w *world) mustBeOpen() {
	if w.ev != nil {
		w.t.Fatal("the world is built already: describe it before you look at its proxies")
	}
}

// evidence builds the world once.
func (w *world) evidence() *mesh.Evidence {
	if w.ev != nil {
		return w.ev
	}
	w.ev = &mesh.Evidence{CapturedAt: worldTime, Resources: &w.res, Proxies: map[kube.Key]*envoy.Proxy{}}
	for _, p := range w.pods {
		w.res.Pods = append(w.res.Pods, p.Pod)
		if p.plane == mesh.Sidecar || p.plane == mesh.Gateway {
			w.ev.Proxies[p.Key()] = w.istiod(p)
		}
	}
	for _, s := range w.services {
		w.register(s)
	}
	return w.ev
}

// proxy is what a pod's proxy holds, to be spoilt.
func (w *world) proxy(pod string) *envoy.Proxy {
	ev := w.evidence()
	p := ev.Proxies[w.find(pod).Key()]
	if p == nil {
		w.t.Fatalf("pod %s has no proxy", pod)
	}
	return p
}

// resources are the Kubernetes lists, to be spoilt.
func (w *world) resources() *kube.Resources { return w.evidence().Resources }

// unread forgets a proxy, as if its admin port had not answered.
func (w *world) unread(pod string) { delete(w.evidence().Proxies, w.find(pod).Key()) }

func (w *world) register(s *testService) {
	if s.entry != nil {
		w.res.ServiceEntries = append(w.res.ServiceEntries, s.entry)
		return
	}
	svc := &kube.Service{Meta: kube.Meta{Name: s.name, Namespace: s.ns}}
	svc.Spec.ClusterIP = s.vip
	if s.isHeadless {
		svc.Spec.ClusterIP = "None"
	}
	if s.alias != "" {
		svc.Spec.Type, svc.Spec.ExternalName = "ExternalName", s.alias
	}
	slice := &kube.EndpointSlice{Meta: kube.Meta{Name: s.name, Namespace: s.ns, Labels: map[string]string{"kubernetes.io/service-name": s.name}}}
	for _, p := range s.ports {
		svc.Spec.Ports = append(svc.Spec.Ports, kube.ServicePort{Name: p.name, Port: int32(p.number), TargetPort: kube.IntOrString{Int: int32(p.target)}})
		slice.Ports = append(slice.Ports, kube.SlicePort{Name: p.name, Port: int32(p.target)})
	}
	for _, p := range s.pods {
		ready := p.Ready()
		slice.Endpoints = append(slice.Endpoints, kube.SliceEndpoint{
			Addresses: []string{p.Status.PodIP}, Conditions: kube.SliceConditions{Ready: &ready},
			TargetRef: &kube.Ref{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
		})
	}
	w.res.Services = append(w.res.Services, svc)
	w.res.EndpointSlices = append(w.res.EndpointSlices, slice)
}

// edges replays what a pod dials: "server.shop:80", "10.1.0.2:8080", "www.example.com:443".
func (w *world) edges(from, to string) []*Edge {
	w.t.Helper()
	return w.replay(from, to, false)
}

// traced replays with all steps told.
func (w *world) traced(from, to string) []*Edge {
	w.t.Helper()
	return w.replay(from, to, true)
}

func (w *world) replay(from, to string, trace bool) []*Edge {
	w.t.Helper()
	name, port, _ := strings.Cut(to, ":")
	target, err := ParseTarget(fqdn(name) + ":" + port)
	if err != nil {
		w.t.Fatal(err)
	}
	key := w.find(from).Key()
	return New(mesh.New(w.evidence())).EdgesTo(target, Query{Client: func(p *mesh.Pod) bool { return p.Key() == key }, Trace: trace})
}

// says is the outcome in one line: verdicts with the reasons of all blockers, " | " between
// endpoints, and "no edge".
func (w *world) says(from, to string) string {
	w.t.Helper()
	var out []string
	for _, e := range w.edges(from, to) {
		out = append(out, outcome(e))
	}
	if len(out) == 0 {
		return "no edge"
	}
	return strings.Join(out, " | ")
}

func outcome(e *Edge) string {
	s := string(e.Verdict)
	for i, b := range e.Blockers {
		s += []string{": ", ", "}[min(i, 1)] + string(b.Reason)
	}
	return s
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func chainOf(l *testca.Leaf) certs.Chain { return certs.Chain(l.Chain) }

func bundleOf(cas ...*testca.CA) *certs.Bundle {
	var roots []*x509.Certificate
	for _, ca := range cas {
		roots = append(roots, ca.Root().Certificate)
	}
	return certs.NewBundle(roots...)
}
