package handshake

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// tags say by which features a pair is counted: how it is called, over what, from and to what, and which
// policy decides.
type tags struct {
	policies *policy.PeerAuthentications
}

func newTags(s *mesh.Snapshot) tags {
	return tags{policy.NewPeerAuthentications(s.Resources.PeerAuthentications, s.MeshConfig("").Root())}
}

// of are the tags of an edge, "feature: value".
func (t tags) of(e *Edge) []string {
	protocol, service := "not declared", "an address or a name outside"
	if h := e.Server.Host; h != nil {
		service = serviceType(h)
		if p := h.Port(e.Server.Port); p != nil {
			protocol = cmp.Or(string(p.Protocol), protocol)
		}
	}
	return []string{
		"client: " + planeOf(e.Client), "server: " + planeOf(e.Server.Pod), "protocol: " + protocol, "service: " + service,
		"socket: " + cmp.Or(e.Outbound.Socket, "none") + " (" + cmp.Or(string(e.Outbound.Path), "none") + ")", "policy: " + t.scope(e),
	}
}

func planeOf(p *mesh.Pod) string {
	if p == nil {
		return "outside"
	}
	return string(p.Plane)
}

func serviceType(h *mesh.Host) string {
	switch {
	case h.Ref.Kind != "Service":
		return h.Ref.Kind
	case h.ExternalName != "":
		return "ExternalName"
	case h.Headless:
		return "headless"
	}
	return "ClusterIP"
}

// scope is that of the PeerAuthentication that decides what the server's port accepts.
func (t tags) scope(e *Edge) string {
	p := e.Server.Pod
	if p == nil || !p.HasProxy() {
		return "none applies"
	}
	d := t.policies.ForWorkload(p.Namespace, p.Labels, p.Revision()).Port(uint32(e.Server.Address.Port()))
	return string(d.Mode) + " by " + string(d.Scope)
}

// tally counts pairs by tag.
type tally map[string]score

func (t tally) add(tags []string, s score) {
	for _, tag := range tags {
		sum := t[tag]
		sum.add(s)
		t[tag] = sum
	}
}

func (t tally) log(tb testing.TB) {
	tb.Helper()
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		s := t[tag]
		tb.Logf("%-42s pairs %4d  wrong %3d  unknown %3d", tag, s.pairs, s.wrong, s.unknown)
	}
}

// TestTagsTellFeaturesApart: a pair is counted under what it really is.
func TestTagsTellFeaturesApart(t *testing.T) {
	w := shop(t)
	pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: "default", Namespace: "shop"}}
	pa.Spec.MTLS = &kube.MutualTLS{Mode: strict}
	w.resources().PeerAuthentications = []*kube.PeerAuthentication{pa}
	s := mesh.New(w.evidence())
	for to, want := range map[string]string{
		"server.shop:80":     "client: sidecar, server: sidecar, protocol: http, service: ClusterIP, socket: mTLS (cluster), policy: STRICT by namespace",
		"db.shop:5432":       "client: sidecar, server: sidecar, protocol: tcp, service: headless, socket: mTLS (cluster), policy: STRICT by namespace",
		"naked.legacy:443":   "client: sidecar, server: none, protocol: tls, service: ClusterIP, socket: plaintext (cluster), policy: none applies",
		"www.example.com:80": "client: sidecar, server: outside, protocol: not declared, service: an address or a name outside, socket: plaintext (passthrough), policy: none applies",
	} {
		if got := strings.Join(newTags(s).of(w.edges("shop/client", to)[0]), ", "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", to, got, want)
		}
	}
}
