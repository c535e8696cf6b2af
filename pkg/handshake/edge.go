package handshake

import (
	"cmp"
	"net/netip"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Verdict is the outcome of a replayed connection.
type Verdict string

// The verdicts.
const (
	MTLS      Verdict = "mTLS"      // mutual TLS between two proxies; the server's verifies the client's chain
	Plaintext Verdict = "plaintext" // clear text arrives and is accepted
	AppTLS    Verdict = "appTLS"    // the application's own TLS end to end, none of the mesh
	TLS       Verdict = "tls"       // TLS by the client's proxy, no client certificate asked for, or none verified
	Denied    Verdict = "denied"    // connects, then an AuthorizationPolicy refuses
	Fails     Verdict = "fails"     // no connection
	Unknown   Verdict = "unknown"   // evidence is missing, or not modelled
)

// Works reports whether the application gets through.
func (v Verdict) Works() bool { return v == MTLS || v == Plaintext || v == AppTLS || v == TLS }

// Edge is one connection: a client pod, a destination as it was dialled, and one endpoint.
type Edge struct {
	Client *mesh.Pod
	Server Server

	Verdict Verdict
	// Reason is empty when the application gets through; otherwise it is that of the blocker that
	// settles the verdict: the first certain failure, else the first that leaves it open, else the
	// denial.
	Reason Reason
	// Why is one sentence for people.
	Why string
	// Blockers are all that stand in the way, in the order in which Envoy meets them.
	Blockers []Blocker
	// RefusedBy are the AuthorizationPolicies behind a denial: the DENY policy that meets the caller, or the
	// ALLOW policies none of which takes it; none when Envoy's rules have no name of Istio's.
	RefusedBy []kube.Ref
	// Evidence is what the verdict rests on, client side first.
	Evidence    []Fact
	Assumptions []Assumption

	Outbound Outbound
	Inbound  Inbound
	// Via is the gateway that passes the client's TLS on to the server; nil mostly.
	Via *mesh.Pod
	// TLS is what both sides settled on; nil unless a proxy's TLS handshake was replayed.
	TLS *Session
	// Observed is what the client's proxy counted of this endpoint; nil when nothing, or not read.
	Observed *Observation
	// Steps are the way of the connection, step by step; with Query.Trace only.
	Steps []Step

	made *replay // what made the edge, for Classes
}

// Server is where an edge leads.
type Server struct {
	// Host is the registry's entry; nil for an address that is in no registry.
	Host *mesh.Host
	// Name is the name or address that the client dialled, Port the port.
	Name   string
	Port   uint32
	Subset string
	// Pod holds the endpoint's address; nil outside the cluster. Workload of an edge is Pod's.
	Pod *mesh.Pod
	// Address is the endpoint; invalid when only a DNS name is known (Hostname).
	Address  netip.AddrPort
	Hostname string
}

// Outbound is what the client's side does.
type Outbound struct {
	// Path says how the traffic leaves: cluster (the proxy knows the destination), passthrough,
	// blackhole, or direct (no proxy, or not captured).
	Path Path
	// Cluster is the Envoy cluster, "" for direct.
	Cluster string
	// Socket says what the client puts on the wire: plaintext, mTLS, tls.
	Socket string
	// Rule is the DestinationRule that the cluster names; zero when none.
	Rule kube.Ref
	// Host and Port are the destination whose cluster it is: another one than was dialled where a route
	// leads elsewhere. Nil when the cluster is not one of istiod's for a host of the registry.
	Host *mesh.Host
	Port uint32
	// Route is the VirtualService whose route leads to the cluster; zero when a route of istiod's own does.
	Route kube.Ref
	// Routed says that Route leads elsewhere than was dialled; nil when it does not.
	Routed *Routed
}

// Routed is where a VirtualService leads a call, and the evidence of it.
type Routed struct {
	// To is what takes the call: "api.pay.svc.cluster.local:80", "subset v2 of api.pay.svc.cluster.local:80",
	// "cluster PassthroughCluster".
	To string
	// Conditional says that only some requests, or a share of them, go there (RouteConditional).
	Conditional bool
	Fact
}

// Path is how traffic leaves the client.
type Path string

// The paths.
const (
	ViaCluster  Path = "cluster"
	Passthrough Path = "passthrough"
	BlackHole   Path = "blackhole"
	Direct      Path = "direct"
)

// Inbound is what the server's side does.
type Inbound struct {
	// Captured is false when the connection reaches the application without a proxy.
	Captured bool
	// Listener and Chain name the filter chain that took the connection.
	Listener, Chain string
	// Accepts says what the port takes from the mesh: mTLS, plaintext, both; "" when unknown.
	Accepts string
}

// Session is what a TLS handshake settles on.
type Session struct {
	Version string `json:"version"`
	// Cipher is the cipher suite, Curve the group of the key exchange; "" when neither side names
	// any and the evidence does not show what its build prefers, or when they have none in common.
	Cipher string `json:"cipher,omitempty"`
	Curve  string `json:"curve,omitempty"`
	SNI    string `json:"sni,omitempty"`
	// ALPN is the protocol that the server chose of those that the client offers, by its own order.
	ALPN     string `json:"alpn,omitempty"`
	ClientID string `json:"clientIdentity,omitempty"`
	ServerID string `json:"serverIdentity,omitempty"`
}

// Fact is a piece of evidence: what was read, and where.
type Fact struct {
	Layer  Layer  `json:"layer"`
	Source string `json:"source"`
	Value  string `json:"value"`
	// Place says of a proxy's config dump what was read in it; zero elsewhere.
	Place Place `json:"-"`
}

// Place is a listener, a cluster or a secret in the config dump of a pod's proxy, by its name; without one it is the
// section.
type Place struct {
	Pod           kube.Key
	Section, Name string // "listeners", "virtualInbound"
}

// Layer says what kind of statement a fact is.
type Layer string

// The layers; they are never mixed.
const (
	Policy   Layer = "policy"   // what resources ask for
	Proxy    Layer = "proxy"    // what Envoy runs
	Observed Layer = "observed" // what was seen: counters, readiness
	Cluster  Layer = "cluster"  // what Kubernetes says: pods, services, endpoints
)

// Blocker is one thing that stands in the way of a connection.
type Blocker struct {
	Reason Reason `json:"reason"`
	Why    string `json:"why"`
	// Subject is the pod that was not read or is not modelled, when the reason is that; zero otherwise.
	Subject kube.Ref `json:"subject,omitzero"`
}

// Compare orders edges by client, destination and endpoint. Two declarations of one name
// (ServiceEntries of several namespaces) are different destinations.
func (e *Edge) Compare(o *Edge) int {
	return cmp.Or(e.Client.Key().Compare(o.Client.Key()),
		cmp.Compare(e.Server.Name, o.Server.Name),
		cmp.Compare(e.Server.Port, o.Server.Port),
		cmp.Compare(e.Server.Subset, o.Server.Subset),
		e.Server.Address.Compare(o.Server.Address),
		cmp.Compare(e.Server.Hostname, o.Server.Hostname),
		cmp.Compare(e.Outbound.Cluster, o.Outbound.Cluster),
		compareRefs(e.declaredBy(), o.declaredBy()))
}

// declaredBy names the resource that declares the destination, none for other addresses.
func (e *Edge) declaredBy() (ref kube.Ref) {
	if e.Server.Host != nil {
		ref = e.Server.Host.Ref
	}
	return ref
}

func compareRefs(a, b kube.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// SentTo is the host and port whose rules and policies decide what the client sends: what was dialled, or
// what a route of the client's proxy makes of it; nil for what no registry knows.
func (e *Edge) SentTo() (*mesh.Host, uint32) {
	if e.Outbound.Host != nil {
		return e.Outbound.Host, e.Outbound.Port
	}
	return e.Server.Host, e.Server.Port
}

// LeavesBy reports whether a patch of an EnvoyFilter is for the cluster by which an edge leaves the client's proxy
// (pilot/pkg/networking/core/envoyfilter/cluster_patch.go, clusterMatch).
func (e *Edge) LeavesBy(m kube.PatchMatch) bool {
	context, c := "SIDECAR_OUTBOUND", m.Cluster
	if e.Client.Plane == mesh.Gateway {
		context = "GATEWAY"
	}
	switch {
	case !m.In(context):
		return false
	case c.Name != "":
		return c.Name == e.Outbound.Cluster
	}
	host, port := e.SentTo()
	return (c.Subset == "" || c.Subset == e.Server.Subset) && (c.Service == "" || host != nil && c.Service == host.Name) && (c.PortNumber == 0 || c.PortNumber == port)
}

// Unseen is the pod of which evidence lacks for a verdict; zero when the edge has one, or when it
// is not one pod.
func (e *Edge) Unseen() kube.Ref {
	for _, b := range e.Blockers {
		if b.Reason == e.Reason {
			return b.Subject
		}
	}
	return kube.Ref{}
}

// Blocked reports whether a reason stands in the way of the edge.
func (e *Edge) Blocked(reasons ...Reason) bool {
	for _, b := range e.Blockers {
		for _, r := range reasons {
			if b.Reason == r {
				return true
			}
		}
	}
	return false
}
