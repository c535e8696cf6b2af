package checks

import (
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

const portDisabled = "22-headless-port-disable"

func TestPAPortOpen(t *testing.T) {
	r := record(t, portDisabled)
	f := r.one(mtd334) // that 9000 of the headless hl breaks its clients is another's to tell (MTD313)
	has(t, r.says(mtd334), "info PeerAuthentication shop/multi [spec.portLevelMtls.9001.mode]")
	has(t, f.Title, "PeerAuthentication shop/multi opens port 9001 of shop/multi, STRICT otherwise, to plaintext (DISABLE): ")
	has(t, f.Fixes[0].Command, `'[{"op":"add","path":"/spec/portLevelMtls/9001/mode","value":"STRICT"}]'`)
	has(t, f.Fixes[0].Risk, "legacy/naked")
	if f.Port != 9001 {
		t.Errorf("port %d", f.Port)
	}
	complete(t, f)
}

// All workloads that one policy opens are named.
func TestPAPortOpenOfSeveral(t *testing.T) {
	r := record(t, portDisabled)
	r.policy("shop", "multi").Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"tier": "open"}}
	for _, app := range []string{"multi", "server"} {
		for _, pod := range r.pods(app) {
			pod.Labels["tier"] = "open"
		}
	}
	for _, l := range r.proxy("shop/server").Listeners {
		for _, c := range l.FilterChains {
			if c.Match.DestinationPort == 9000 {
				c.Match.DestinationPort = 9001
				c.Socket = nil
			}
		}
	}
	has(t, r.says(mtd334), "opens port 9001 of shop/multi, shop/server, STRICT otherwise, to plaintext")
}

func TestWhoUsesAnOpenPort(t *testing.T) {
	plain := record(t, portDisabled).one(mtd334).Edges
	if len(plain) == 0 {
		t.Fatal("no client sends plaintext")
	}
	for _, e := range plain {
		e.Observed = nil
	}
	has(t, whoUses(plain), "would send plaintext there, and no call of theirs is counted")
	plain[0].Observed = &handshake.Observation{Connections: 1}
	has(t, whoUses(plain), workloadName(plain[0].Client.Workload)+" called it in plaintext")
	has(t, whoUses(nil), "no client of the mesh sends plaintext there")
}

func TestPAPortOpenQuietAndBlind(t *testing.T) {
	shared(t, healthy).silent(mtd334)
	shared(t, "07-pa-portlevel-service-port").silent(mtd334) // the key opens nothing
	whole := record(t, portDisabled)
	for _, name := range []string{"multi", "hl"} {
		whole.policy("shop", name).Spec.MTLS = &kube.MutualTLS{Mode: "PERMISSIVE"} // no exception, then
	}
	whole.silent(mtd334)
	gateway := record(t, healthy) // takes no PeerAuthentication
	gateway.gateway("shop.example", nil)
	gateway.addPolicy("shop", "mine", "server", "STRICT").Spec.PortLevelMTLS = map[string]kube.MutualTLS{"8443": {Mode: "DISABLE"}}
	gateway.silent(mtd334)
	blinded(t, portDisabled, mtd334)
	unseenProxy(t, portDisabled, "shop/multi", mtd334)
}
