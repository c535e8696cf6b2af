package checks

import (
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// mysql declares the tcp port of shop/server as MySQL's.
func mysql(t *testing.T, capture string) *recording {
	r := record(t, capture)
	for _, s := range r.Resources.Services {
		if s.Name != "server" {
			continue
		}
		for i := range s.Spec.Ports {
			if s.Spec.Ports[i].Name == "tcp" {
				s.Spec.Ports[i].Name = "mysql-tcp"
			}
		}
	}
	for _, s := range r.Resources.EndpointSlices {
		for i := range s.Ports {
			if s.Service() == "server" && s.Ports[i].Name == "tcp" {
				s.Ports[i].Name = "mysql-tcp"
			}
		}
	}
	return r
}

// Callers outside the mesh are mentioned; one of the mesh that sends plaintext is a warning.
func TestServerFirst(t *testing.T) {
	r := mysql(t, "02-permissive-default")
	has(t, r.says(mtd332), "info Deployment shop/server [port 9000] 3: port 9000 of shop/server is PERMISSIVE and in mysql the server speaks first: "+
		"plaintext callers, such as legacy/naked, shop/hlmix-out, shop/migration-vlegacy, wait for ever")
	r.bare("pay/client", "server.shop")
	f := r.one(mtd332)
	has(t, lines([]*diagnose.Finding{f}), "warning Deployment shop/server [port 9000] 4: ")
	has(t, f.Fixes[0].Manifest, "-strict-9000")
	has(t, f.Fixes[1].Manifest, "-disable-9000")
	has(t, f.Fixes[0].Manifest, "\"9000\":\n      mode: STRICT")
	has(t, f.Fixes[1].Manifest, "\"9000\":\n      mode: DISABLE")
	has(t, f.Fixes[0].Risk, "then refused: legacy/naked, shop/hlmix-out, shop/migration-vlegacy")
	complete(t, f)
}

// A rule that says ISTIO_MUTUAL does not follow the port's mode: whom that shuts out is said.
func TestServerFirstUnderARule(t *testing.T) {
	r := mysql(t, "02-permissive-default")
	has(t, r.one(mtd332).Fixes[1].Risk, "calls from the mesh are then plaintext too")
	r.addRule("shop", "server", serverHost, "ISTIO_MUTUAL")
	has(t, r.one(mtd332).Fixes[1].Risk, "calls from the mesh are then plaintext too; then refused: pay/api, pay/client")
}

// With a time-out the wait ends.
func TestServerFirstWithATimeout(t *testing.T) {
	r := mysql(t, "02-permissive-default")
	for _, l := range r.proxy("shop/server").Listeners {
		l.Timeout = 5 * time.Second
	}
	has(t, r.says(mtd332), "wait for 5s")
}

func TestSpeaksFirst(t *testing.T) {
	for want, port := range map[string]*mesh.Port{
		"mysql": {Number: 1, Name: "mysql-main", Protocol: mesh.TCP},
		"smtp":  {Number: 25, Name: "mail", Protocol: mesh.TCP},
		"":      {Number: 22, Name: "http", Protocol: mesh.HTTP},
	} {
		e := &handshake.Edge{Server: handshake.Server{Port: port.Number, Host: &mesh.Host{Ports: []*mesh.Port{port}}}}
		if got := speaksFirst(e); got != want {
			t.Errorf("%+v: %q", port, got)
		}
	}
	if got := speaksFirst(&handshake.Edge{}); got != "" {
		t.Errorf("%q", got)
	}
}

func TestServerFirstQuietAndBlind(t *testing.T) {
	mysql(t, healthy).quiet(mtd332)
	shared(t, "02-permissive-default").silent(mtd332)
	blinded(t, "02-permissive-default", mtd332)
	unseenProxy(t, "02-permissive-default", "shop/server", mtd332)
}
