package handshake

import (
	"net/netip"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// TestDeclaredProtocol: a ServiceEntry that originates TLS declares http for a port whose
// application speaks TLS; the Service of that application knows better.
func TestDeclaredProtocol(t *testing.T) {
	at := netip.MustParseAddrPort("10.0.0.1:8443")
	host := func(kind string, p mesh.Protocol) *mesh.Host {
		h := &mesh.Host{Name: kind + string(p), Ports: []*mesh.Port{{Number: 80, Protocol: p, Endpoints: []mesh.Endpoint{{Address: at}}}}}
		h.Ref.Kind = kind
		return h
	}
	tests := []struct {
		name  string
		hosts []*mesh.Host
		want  mesh.Protocol
	}{
		{"Service alone", []*mesh.Host{host("Service", mesh.TLS)}, mesh.TLS},
		{"ServiceEntry alone", []*mesh.Host{host("ServiceEntry", mesh.HTTP)}, mesh.HTTP},
		{"the Service wins", []*mesh.Host{host("ServiceEntry", mesh.HTTP), host("Service", mesh.TLS)}, mesh.TLS},
		{"Services that differ", []*mesh.Host{host("Service", mesh.HTTP), host("Service", mesh.TLS)}, mesh.Auto},
		{"ServiceEntries that differ", []*mesh.Host{host("ServiceEntry", mesh.HTTP), host("ServiceEntry", mesh.TLS)}, mesh.Auto},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mesh.New(&mesh.Evidence{Resources: new(kube.Resources)})
			s.Resources.MarkRead("services.core")
			s.Hosts = tt.hosts
			if got := New(s).apps[at]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("ServiceEntry, the Services not read", func(t *testing.T) {
		s := mesh.New(&mesh.Evidence{})
		s.Hosts = []*mesh.Host{host("ServiceEntry", mesh.HTTP)}
		if got := New(s).apps[at]; got != mesh.Auto {
			t.Errorf("got %q, want it open", got)
		}
	})
}
