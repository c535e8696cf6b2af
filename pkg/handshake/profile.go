package handshake

import (
	"crypto/x509"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// decisions are the steps at which pods of one configuration may differ: certificates that are judged,
// callers that RBAC filters look at, addresses that filter chains match.
type decisions struct {
	handshakes []shaken
	guard      *envoy.FilterChain // whose RBAC filters were asked about called
	called     caller
	bySource   bool // a filter chain was chosen by the client's address
}

// forClass reports a replay that stands for a class: of others nobody asks for their decisions.
func (r *replay) forClass() bool { return r.made != nil }

// shaken is a TLS handshake that was replayed.
type shaken struct {
	server *envoy.TLSContext
	wire   wire
}

// again is a replay with nothing found yet, to take the same decisions for another pod. Its blockers have no texts.
func (r *replay) again() *replay {
	s := &replay{Edge: &Edge{}}
	s.restart(r, r.Client)
	return s
}

// restart makes a replay one of another's connection with nothing found yet, and from another client.
func (r *replay) restart(of *replay, client *mesh.Pod) {
	*r.Edge = Edge{Client: client, Server: of.Server, Via: of.Via, Inbound: of.Inbound, Outbound: of.Outbound}
	*r = replay{engine: of.engine, dial: of.dial, Edge: r.Edge, wordless: true}
}

// serverProfile is how the decisions go when the connection leads to another endpoint.
func (r *replay) serverProfile(ep mesh.Endpoint) string {
	s := r.again()
	s.to(ep)
	parameters := ""
	for _, h := range r.handshakes {
		agreed := s.negotiate(h.server, h.wire)
		parameters += agreed.Version + agreed.Cipher + agreed.Curve
		s.serverPresents(h.server, h.wire)
	}
	if r.guard != nil {
		s.authorize(r.guard, r.called)
	}
	return s.profile(s.called) + parameters
}

// profile says what was found, without names.
func (r *replay) profile(who caller) string {
	var b strings.Builder
	for _, x := range r.Blockers {
		b.WriteString(string(x.Reason) + ",")
	}
	for _, x := range r.Assumptions {
		b.WriteString(string(x) + ",")
	}
	for _, x := range r.unverified {
		b.WriteString(string(x) + ",")
	}
	if who.presented {
		b.WriteString("presented,")
	}
	if who.unsure || who.identity == "" {
		b.WriteString("nobody")
	}
	return b.String()
}

// shownKey is what the judgement of a client's certificate depends on besides the certificate.
type shownKey struct {
	server *envoy.TLSContext
	offers string
	inline *x509.Certificate
	trust  any
	called caller  // no handshake: who calls all the same
	other  *replay // several handshakes: only this connection
}

// splitKey is what tells clients of one cohort apart.
type splitKey struct {
	shownKey
	guard  *envoy.FilterChain
	to     netip.AddrPort
	source bool
}

// splitKey is zero when nothing depends on the client.
func (r *replay) splitKey() (k splitKey) {
	if k.source = r.bySource; k.source {
		k.to = r.Server.Address
	}
	if r.guard != nil && r.engine.guards(r.guard) {
		k.guard, k.to = r.guard, r.Server.Address
	}
	switch len(r.handshakes) {
	case 0:
		k.called = r.called
	case 1:
		h := r.handshakes[0]
		k.server, k.trust = h.server, r.trustKey(h.server)
		if len(h.wire.TLS.Certificates) > 0 {
			ref := h.wire.TLS.Certificates[0]
			k.offers, k.inline = ref.Name(), ref.Chain.Leaf()
		}
	default:
		k.other = r
	}
	return k
}

// guards reports a chain that may refuse a caller; it is looked at once.
func (e *Engine) guards(fc *envoy.FilterChain) bool {
	does, ok := e.guarding[fc]
	if !ok {
		does = len(enforcedRBAC(fc)) > 0
		e.guarding[fc] = does
	}
	return does
}

// trustKey names what the server trusts: mostly a bundle that many proxies share.
func (r *replay) trustKey(server *envoy.TLSContext) any {
	ca := server.Validation.CA
	if ca == nil || ca.SDS == "" {
		return nil
	}
	s := r.engine.index(r.Server.Pod.Proxy).secrets[ca.SDS]
	switch {
	case s == nil:
		return r.Server.Pod
	case s.Bundle != nil && len(s.Unmodelled) == 0 && reflect.ValueOf(s.Demands).IsZero():
		return s.Bundle
	}
	return s
}

// shown is how a client's certificate fares.
type shown struct {
	profile string
	who     caller
}

// showing is how the certificates of a cohort fare: what comes of them, each once, and of whose.
type showing struct {
	outcomes []shown
	of       []int32 // which of them, for each client in their order
}

// split says into which part each client of a cohort falls, in their order.
type split struct {
	parts int
	of    []int32
}

// parts splits clients whose certificates, identities or addresses lead to different outcomes. The first
// part is that of the first client, whose edges are given.
func (x *cohort) parts(edges []*Edge, clients []*mesh.Pod) [][]*mesh.Pod {
	var by []*split
	for _, edge := range edges {
		if s := x.split(edge.made); s.parts > 1 && !slices.Contains(by, s) {
			by = append(by, s)
		}
	}
	if len(by) == 0 || len(clients) == 1 {
		return [][]*mesh.Pod{clients}
	}
	out := [][]*mesh.Pod{clients}
	for _, s := range by {
		var finer [][]*mesh.Pod
		for _, part := range out {
			finer = append(finer, x.divide(part, s)...)
		}
		out = finer
	}
	return out
}

// divide keeps the order: the first part has the first client.
func (x *cohort) divide(clients []*mesh.Pod, by *split) [][]*mesh.Pod {
	var out [][]*mesh.Pod
	at := map[int32]int{}
	for _, pod := range clients {
		part := by.of[x.at[pod]]
		i, ok := at[part]
		if !ok {
			i = len(out)
			at[part] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], pod)
	}
	return out
}

// sight is what a server's proxy sees of a client.
type sight struct {
	shown  int32      // one of the outcomes of a showing
	source netip.Addr // when it looks at it
}

// decision is how the decisions go for a client.
type decision struct {
	certificate, guards string     // profiles
	source              netip.Addr // when a filter chain was chosen by it
}

// split takes the decisions of a replay for every client, once for all replays that ask the same.
func (x *cohort) split(r *replay) *split {
	k := r.splitKey()
	if s := x.splits[k]; s != nil {
		return s
	}
	s := &split{of: make([]int32, len(x.pods))}
	x.splits[k] = s
	decisions, bySight := map[decision]int32{}, map[sight]int32{}
	certificates := x.shows(k.shownKey, r)
	looks := k.source || k.guard != nil && looksAtSource(k.guard)
	try := r.again()
	for i, pod := range x.pods {
		at := sight{shown: certificates.of[i]}
		if looks {
			at.source = addressLike(pod, k.to.Addr())
		}
		part, ok := bySight[at]
		if !ok {
			try.restart(r, pod)
			part = number(decisions, try.decide(k, certificates.outcomes[at.shown], at.source))
			bySight[at] = part
		}
		s.of[i] = part
	}
	s.parts = len(decisions)
	return s
}

// number gives each key the next number.
func number[K comparable](numbers map[K]int32, key K) int32 {
	n, ok := numbers[key]
	if !ok {
		n = int32(len(numbers))
		numbers[key] = n
	}
	return n
}

// decide takes the decisions that depend on the client.
func (r *replay) decide(k splitKey, as shown, source netip.Addr) decision {
	if k.guard != nil {
		r.authorize(k.guard, as.who)
	}
	d := decision{certificate: as.profile, guards: r.profile(nobody)}
	if k.source {
		d.source = source
	}
	return d
}

// looksAtSource reports RBAC rules about the client's address.
func looksAtSource(fc *envoy.FilterChain) bool {
	return guardLooks(fc, func(r *envoy.RBACRule) bool { return len(r.SourceIPs) > 0 })
}

// guardLooks reports that one of a chain's RBAC rules, or a part of one, is of a kind.
func guardLooks(fc *envoy.FilterChain, kind func(*envoy.RBACRule) bool) bool {
	var looks func(rules []*envoy.RBACRule) bool
	looks = func(rules []*envoy.RBACRule) bool {
		return slices.ContainsFunc(rules, func(r *envoy.RBACRule) bool {
			return r != nil && (kind(r) || looks(r.And) || looks(r.Or) || looks([]*envoy.RBACRule{r.Not}))
		})
	}
	return slices.ContainsFunc(enforcedRBAC(fc), func(rbac *envoy.RBAC) bool {
		return slices.ContainsFunc(rbac.Policies, func(p envoy.RBACPolicy) bool { return looks(p.Permissions) || looks(p.Principals) })
	})
}

// shows lets the server judge every client's certificate.
func (x *cohort) shows(k shownKey, r *replay) *showing {
	if s := x.shown[k]; s != nil {
		return s
	}
	s := &showing{of: make([]int32, len(x.pods))}
	numbers := map[shown]int32{}
	try := r.again()
	for i, pod := range x.pods {
		try.restart(r, pod)
		who := r.called
		for _, h := range r.handshakes {
			h.wire.from = r.engine.index(pod.Proxy)
			who = try.clientPresents(h.server, h.wire)
		}
		outcome := shown{try.profile(who), who}
		if s.of[i] = number(numbers, outcome); int(s.of[i]) == len(s.outcomes) {
			s.outcomes = append(s.outcomes, outcome)
		}
	}
	x.shown[k] = s
	return s
}
