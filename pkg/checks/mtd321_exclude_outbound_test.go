package checks

import (
	"net/netip"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const excludeOutbound = "traffic.sidecar.istio.io/excludeOutboundPorts"

// annotate sets an annotation on the pods of an app, as if they had been injected with it.
func (r *recording) annotate(namespace, app, name, value string) {
	for _, p := range r.pods(app) {
		if p.Namespace == namespace {
			p.Annotations[name] = value
			p.Spec.InitContainers = nil
		}
	}
}

func TestExcludeOutbound(t *testing.T) {
	r := record(t, healthy)
	r.annotate("pay", "client", excludeOutbound, "80,9000")
	f := r.one(mtd321)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment pay/client [spec.template.metadata.annotations["+excludeOutbound+"]] 7: "+
		"Deployment pay/client keeps its calls to api.pay, hl.shop and 2 more from its proxy (excludeOutboundPorts): they are sent in plaintext, and refused")
	hasFix(t, f, `kubectl -n pay patch deployment client --type=json -p '[{"op":"remove","path":"/spec/template/metadata/annotations/traffic.sidecar.istio.io~1excludeOutboundPorts"}]'`)
	complete(t, f)
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// Not the pod's own: then there is nothing to remove from it.
func TestExcludeOutboundByTheMesh(t *testing.T) {
	r := record(t, healthy)
	for _, p := range r.pods("client") {
		p.Annotations = nil
		p.Spec.InitContainers = []kube.Container{{Name: "istio-init", Args: []string{"istio-iptables", "-i", "*", "-b", "*", "-o", "9000"}}}
	}
	r.unread(diagnose.PeerAuthentications)
	for _, f := range r.judge(mtd321).Findings {
		has(t, facts(f), "not set on the pod: the mesh's own setting")
		has(t, f.Fixes[0].Title, "global.proxy")
		complete(t, f)
	}
}

func TestOutboundBypass(t *testing.T) {
	all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	for want, c := range map[string]mesh.Capture{
		excludeOutbound: {RangesAll: true, OutboundExcluded: []uint32{80}},
		"traffic.sidecar.istio.io/excludeOutboundIPRanges": {RangesAll: true, RangesExcluded: all},
		"traffic.sidecar.istio.io/includeOutboundIPRanges": {RangesIncluded: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
		"sidecar.istio.io/interceptionMode":                {Mode: "NONE", RangesAll: true},
	} {
		e := &handshake.Edge{Client: &mesh.Pod{Capture: c}, Server: handshake.Server{Port: 80, Address: netip.MustParseAddrPort("10.1.0.1:8080")}}
		if got := outboundBypass(e); got != want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// Who is denied for want of an identity is told of by MTD317, with the same culprit.
func TestExcludeOutboundDenied(t *testing.T) {
	r := record(t, "17-authz-principal-plaintext")
	r.Resources.DestinationRules = nil
	r.annotate("pay", "client", excludeOutbound, "80,443,9000")
	has(t, r.says(mtd317), "error Deployment pay/client [spec.template.metadata.annotations["+excludeOutbound+"]] 3: Deployment pay/client makes pay/client send plaintext to server.shop")
}

func TestExcludeOutboundQuietAndBlind(t *testing.T) {
	open := record(t, "02-permissive-default")
	open.annotate("pay", "client", excludeOutbound, "80")
	open.quiet(mtd321)
	shared(t, healthy).silent(mtd321)
	shared(t, "03-dr-disable-vs-strict").silent(mtd321)
	blinded(t, healthy, mtd321)
	unseenProxy(t, healthy, "shop/server", mtd321)
}
