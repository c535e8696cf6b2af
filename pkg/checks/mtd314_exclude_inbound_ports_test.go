package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

const excludeAnnotation = "traffic.sidecar.istio.io/excludeInboundPorts"

func TestExcludeInbound(t *testing.T) {
	fires(t, "15-exclude-inbound-ports", mtd314,
		"error Deployment shop/multi [spec.template.metadata.annotations["+excludeAnnotation+"]] 14: Deployment shop/multi keeps ports 8081, 9001 from its proxy (excludeInboundPorts), but clients still send mutual TLS there",
		`kubectl -n shop patch deployment multi --type=json -p '[{"op":"remove","path":"/spec/template/metadata/annotations/traffic.sidecar.istio.io~1excludeInboundPorts"}]'`)
	first := shared(t, "15-exclude-inbound-ports").one(mtd314).Fixes[0]
	if !strings.Contains(first.Manifest, "number: 8081\n      tls:\n        mode: DISABLE\n    - port:\n        number: 9001\n") {
		t.Errorf("%+v", first)
	}
}

// Without the annotation it is the mesh's setting: there is nothing to remove from the pod.
func TestExcludeInboundByTheMesh(t *testing.T) {
	r := record(t, "15-exclude-inbound-ports")
	for _, p := range r.pods("multi") {
		delete(p.Annotations, excludeAnnotation)
	}
	f := r.one(mtd314)
	has(t, f.Evidence[len(f.Evidence)-1].Value, "not set on the pod")
	if len(f.Fixes) != 1 {
		t.Errorf("%+v", f.Fixes)
	}
}

func TestBypass(t *testing.T) {
	for want, c := range map[string]mesh.Capture{
		excludeAnnotation: {InboundAll: true, InboundExcluded: []uint32{80}},
		"traffic.sidecar.istio.io/includeInboundPorts": {InboundIncluded: []uint32{8080}},
		"sidecar.istio.io/interceptionMode":            {Mode: "NONE"},
	} {
		if got := bypass(&mesh.Pod{Capture: c}, 80); got != want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestExcludeInboundQuietAndBlind(t *testing.T) {
	shared(t, healthy).quiet(mtd314)
	shared(t, "22-headless-port-disable").quiet(mtd314)
	blinded(t, "15-exclude-inbound-ports", mtd314)
	unseenProxy(t, "15-exclude-inbound-ports", "pay/client", mtd314)
}
