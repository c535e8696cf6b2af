package checks

import (
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// istiod remembers that the PASSTHROUGH service had no endpoint in the mesh: it sends plaintext to all
// clients, and a rule that says ISTIO_MUTUAL does not depend on that.
func TestStaleForEverybody(t *testing.T) {
	f := truth(t, "dr-passthrough-lb").one(mtd404)
	has(t, lines([]*diagnose.Finding{f}), "error Service shop/server [] 21: the config of pay/api, pay/client and 5 more says plaintext towards server.shop, "+
		"although the resources ask for mutual TLS: istiod does not send it to anybody")
	hasFix(t, f, `kubectl -n shop patch destinationrule server --type=json -p '[{"op":"add","path":"/spec/trafficPolicy/tls","value":{"mode":"ISTIO_MUTUAL"}}]'`)
	complete(t, f)
}

// bare takes the transport socket from a client's clusters of a service.
func (r *recording) bare(client, service string) {
	for _, c := range r.proxy(client).Clusters {
		if strings.HasSuffix(c.Name, "||"+service+".svc.cluster.local") {
			c.Socket, c.Matches = nil, nil
		}
	}
}

func TestStaleClient(t *testing.T) {
	r := record(t, healthy)
	r.bare("pay/client", "server.shop")
	r.proxy("pay/client").Stats = map[string]uint64{"control_plane.connected_state": 0}
	f := r.one(mtd404)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment pay/client [] 3: the config of pay/client says plaintext towards server.shop, although the resources ask for mutual TLS")
	has(t, f.Fixes[0].Command, "istioctl proxy-status client-")
	has(t, facts(f), "control_plane.connected_state: 0")
	if got := causes(r.judge(All()...)); len(got) != 1 {
		t.Errorf("one fault, and to blame are %v", got)
	}
}

// Who asks about the stale client alone is told the same: others do have what was asked for.
func TestStaleClientAlone(t *testing.T) {
	r := record(t, healthy)
	r.bare("pay/client", "server.shop")
	in := func(pod *mesh.Pod) bool { return pod.Workload.Name == "client" && pod.Namespace == "pay" }
	res := diagnose.Run(mesh.New(r.Evidence), []*diagnose.Check{mtd404}, diagnose.Scope{In: in, Asked: in})
	has(t, lines(res.Findings), "error Deployment pay/client [] 3: ")
}

// The only client of a host is not everybody.
func TestStaleOnlyClient(t *testing.T) {
	r := record(t, healthy)
	r.bare("pay/client", "server.shop")
	for key, p := range r.Proxies {
		if p != r.proxy("pay/client") && p != r.proxy("shop/server") {
			delete(r.Proxies, key)
		}
	}
	r.bare("shop/server", "server.shop")
	for _, c := range r.proxy("shop/server").Clusters {
		c.State = envoy.Warming
	}
	has(t, r.says(mtd404), "error Deployment pay/client [] ")
}

// What was to be protected and is not is a warning where nothing fails.
func TestStaleClientOfAPermissiveServer(t *testing.T) {
	r := record(t, "02-permissive-default")
	r.bare("pay/client", "server.shop")
	has(t, r.says(mtd404), "warning Deployment pay/client [] 2: the config of pay/client says plaintext towards server.shop")
}

// A headless service without a rule gets one.
func TestStaleHeadless(t *testing.T) {
	r := record(t, healthy)
	for _, client := range []string{"pay/client", "pay/api", "shop/client", "shop/server", "shop/multi", "shop/hlmix-in", "shop/migration-vistio"} {
		r.bare(client, "hl.shop")
	}
	f := r.one(mtd404)
	has(t, lines([]*diagnose.Finding{f}), "error Service shop/hl [] 14: ")
	has(t, f.Fixes[0].Manifest, "host: hl.shop.svc.cluster.local\n  trafficPolicy:\n    tls:\n      mode: ISTIO_MUTUAL")
}

// The one EnvoyFilter that changes the transport socket of the client's clusters is to blame.
func TestStaleByEnvoyFilter(t *testing.T) {
	r := record(t, healthy)
	r.bare("pay/client", "server.shop")
	filter := &kube.EnvoyFilter{Meta: kube.Meta{Namespace: "pay", Name: "raw"}}
	filter.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": "client"}}
	filter.Spec.ConfigPatches = []kube.ConfigPatch{{ApplyTo: "CLUSTER", Patch: kube.EnvoyPatch{Operation: "MERGE", Value: kube.EnvoyConfig{TransportSocket: &kube.EnvoyPart{Name: "raw"}}}}}
	r.Resources.EnvoyFilters = []*kube.EnvoyFilter{filter}
	f := r.one(mtd404)
	has(t, lines([]*diagnose.Finding{f}), "error EnvoyFilter pay/raw [] 3: EnvoyFilter pay/raw patches clusters: the config of pay/client says plaintext")
	has(t, f.Fixes[0].Command, "kubectl -n pay delete envoyfilter raw")

	for context, c := range map[string]kube.ClusterMatch{
		"ANY":              {Name: "outbound|443||www.example.com"},
		"SIDECAR_OUTBOUND": {Service: "hl.shop.svc.cluster.local"},
		"":                 {PortNumber: 7},
		"SIDECAR_INBOUND":  {},
	} {
		filter.Spec.ConfigPatches[0].Match = kube.PatchMatch{Context: context, Cluster: c}
		if got := r.says(mtd404); !strings.Contains(got, "error Deployment pay/client") {
			t.Errorf("%q %+v: %s", context, c, got)
		}
	}
	filter.Spec.ConfigPatches[0].Match = kube.PatchMatch{Context: "SIDECAR_OUTBOUND", Cluster: kube.ClusterMatch{Service: serverHost}}
	has(t, r.says(mtd404), "error EnvoyFilter pay/raw")

	filter.Spec.ConfigPatches[0].Patch.Value = kube.EnvoyConfig{}
	has(t, r.says(mtd404), "error Deployment pay/client")
}

// mTLS where a rule asks for plaintext, and the other end cannot read it.
func TestStaleMutual(t *testing.T) {
	r := record(t, "05-dr-istio-mutual-nonmesh")
	r.rule("legacy", "naked").Spec.TrafficPolicy.TLS.Mode = "DISABLE"
	has(t, r.says(mtd404), "error Service legacy/naked [] 24: ")
	has(t, r.says(mtd404), "says mutual TLS towards naked.legacy, although the resources ask for plaintext")
}

// A change of a moment ago may be on its way.
func TestStaleOrOnItsWay(t *testing.T) {
	r := record(t, "03-dr-disable-vs-strict")
	r.rule("shop", "server").Spec.TrafficPolicy.TLS.Mode = "ISTIO_MUTUAL"
	r.rule("shop", "server").CreationTimestamp = r.CapturedAt
	r.silent(mtd404)
	has(t, strings.Join(r.unknowns(mtd404), "\n"), "DestinationRule shop/server changed so shortly before the capture")

	r.Resources.DestinationRules = nil
	has(t, r.says(mtd404), "error Service shop/server")
	pa := r.policy("istio-system", "default")
	pa.ManagedFields = append(pa.ManagedFields, kube.ManagedField{Time: r.CapturedAt})
	r.silent(mtd404)
	has(t, strings.Join(r.unknowns(mtd404), "\n"), "PeerAuthentication istio-system/default changed so shortly before the capture")
}

func TestStaleQuietAndBlind(t *testing.T) {
	for _, name := range []string{healthy, "02-permissive-default", "03-dr-disable-vs-strict", "08-headless-mixed", "15-exclude-inbound-ports"} {
		shared(t, name).quiet(mtd404)
	}
	routed := truth(t, "vs-tcp")
	routed.silent(mtd404)
	waiting := truth(t, fileMissing)
	waiting.silent(mtd404)
	blinded(t, healthy, mtd404)
	unseenProxy(t, healthy, "pay/client", mtd404)
	r := record(t, healthy)
	for _, c := range r.proxy("pay/client").Clusters {
		c.State = envoy.Warming
	}
	r.silent(mtd404)
}
