package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// TestForWorkload asks for app=server in shop. Names are those of the catalogue of failures.
func TestForWorkload(t *testing.T) {
	tests := []struct {
		name     string
		policies []*kube.PeerAuthentication
		port     uint32
		revision string
		want     string
		shadowed []string
	}{
		{
			name: "permissive-default",
			want: "PERMISSIVE, Istio's default",
		},
		{
			name:     "mesh",
			policies: []*kube.PeerAuthentication{peer(meta(root, "default", 0), "STRICT")},
			want:     "STRICT from istio-system/default, mesh-wide",
		},
		{
			name: "namespace over mesh",
			policies: []*kube.PeerAuthentication{
				peer(meta(root, "default", 0), "STRICT"),
				peer(meta("shop", "open", 1), "PERMISSIVE"),
			},
			want:     "PERMISSIVE from shop/open, namespace-wide",
			shadowed: []string{"istio-system/default spec.mtls.mode overridden: overridden by shop/open, namespace-wide"},
		},
		{
			name: "pa-parent-disable-child-strict",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "default", 0), "DISABLE"),
				peer(meta("shop", "server", 0), "STRICT", selecting("app", "server")),
			},
			want:     "STRICT from shop/server (workload policy)",
			shadowed: []string{"shop/default spec.mtls.mode overridden: overridden by shop/server (workload policy)"},
		},
		{
			name: "another workload's and another namespace's policies",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "client", 0), "STRICT", selecting("app", "client")),
				peer(meta("pay", "default", 0), "STRICT"),
				peer(meta("shop", "two-labels", 0), "STRICT", selecting("app", "server", "version", "v2")),
			},
			want: "PERMISSIVE, Istio's default",
		},
		{
			name: "pa-duplicate-scope",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "a-new", 3), "PERMISSIVE"),
				peer(meta("shop", "b-old", 0), "STRICT"),
			},
			want:     "STRICT from shop/b-old, namespace-wide, oldest of two",
			shadowed: []string{"shop/a-new younger: younger than shop/b-old"},
		},
		{
			name: "pa-duplicate-scope, same second",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "b", 0), "PERMISSIVE"),
				peer(meta("shop", "c", 0), "DISABLE"),
				peer(meta("shop", "a", 0), "STRICT"),
			},
			want: "STRICT from shop/a, namespace-wide, oldest of three",
			shadowed: []string{
				"shop/b younger: created in the same second and later in the alphabet than shop/a",
				"shop/c younger: created in the same second and later in the alphabet than shop/a",
			},
		},
		{
			name: "the oldest wins although it is UNSET",
			policies: []*kube.PeerAuthentication{
				peer(meta(root, "default", 0), "STRICT"),
				peer(meta("shop", "old", 0), "UNSET"),
				peer(meta("shop", "new", 1), "DISABLE"),
			},
			want:     "STRICT from istio-system/default, mesh-wide",
			shadowed: []string{"shop/new younger: younger than shop/old"},
		},
		{
			name: "no mtls inherits",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "default", 0), "STRICT"),
				peer(meta("shop", "server", 0), "-", selecting("app", "server")),
			},
			want: "STRICT from shop/default, namespace-wide",
		},
		{
			name:     "UNSET for the mesh is PERMISSIVE",
			policies: []*kube.PeerAuthentication{peer(meta(root, "default", 0), "UNSET")},
			want:     "PERMISSIVE, Istio's default",
		},
		{
			name:     "an empty selector selects all",
			policies: []*kube.PeerAuthentication{peer(meta("shop", "all", 0), "STRICT", selecting())},
			want:     "STRICT from shop/all, namespace-wide",
		},
		{
			name: "pa-root-selector-ignored",
			policies: []*kube.PeerAuthentication{
				peer(meta(root, "default", 0), "STRICT"),
				peer(meta(root, "open", 1), "PERMISSIVE", selecting("app", "server")),
			},
			want:     "STRICT from istio-system/default, mesh-wide",
			shadowed: []string{"istio-system/open root-selector: a selector in the root namespace is ignored"},
		},
		{
			name:     "pa-wrong-root-namespace",
			policies: []*kube.PeerAuthentication{peer(meta("istio-config", "default", 0), "STRICT")},
			want:     "PERMISSIVE, Istio's default",
		},
		{
			name: "portLevelMtls",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "server", 0), "STRICT", selecting("app", "server"), onPort("8080", "PERMISSIVE")),
			},
			port:     8080,
			want:     "port 8080 PERMISSIVE from shop/server (workload policy)",
			shadowed: []string{"shop/server spec.mtls.mode overridden: overridden for port 8080 by shop/server"},
		},
		{
			name: "pa-portlevel-service-port",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "server", 0), "STRICT", selecting("app", "server"), onPort("80", "PERMISSIVE")),
			},
			port: 8080,
			want: "port 8080 STRICT from shop/server (workload policy)",
		},
		{
			name: "a port UNSET inherits from the workload",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "default", 0), "STRICT"),
				peer(meta("shop", "server", 0), "DISABLE", selecting("app", "server"), onPort("8080", "UNSET")),
			},
			port:     8080,
			want:     "port 8080 DISABLE from shop/server (workload policy)",
			shadowed: []string{"shop/default spec.mtls.mode overridden: overridden by shop/server (workload policy)"},
		},
		{
			name: "ports count when the workload's mode is UNSET",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "default", 0), "STRICT"),
				peer(meta("shop", "server", 0), "-", selecting("app", "server"), onPort("8080", "DISABLE")),
			},
			port:     8080,
			want:     "port 8080 DISABLE from shop/server (workload policy)",
			shadowed: []string{"shop/default spec.mtls.mode overridden: overridden for port 8080 by shop/server"},
		},
		{
			name: "pa-portlevel-no-selector",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "default", 0), "STRICT", onPort("8080", "DISABLE")),
			},
			port:     8080,
			want:     "port 8080 STRICT from shop/default, namespace-wide",
			shadowed: []string{"shop/default spec.portLevelMtls ports-no-selector: portLevelMtls without a selector is ignored"},
		},
		{
			name: "pa-portlevel-shadowed",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "old", 0), "STRICT", selecting("app", "server"), onPort("9000", "DISABLE")),
				peer(meta("shop", "new", 1), "STRICT", selecting("app", "server"), onPort("8080", "PERMISSIVE")),
			},
			port:     8080,
			want:     "port 8080 STRICT from shop/old (workload policy), oldest of two",
			shadowed: []string{"shop/new younger: younger than shop/old"},
		},
		{
			name: "a port that is none",
			policies: []*kube.PeerAuthentication{
				peer(meta("shop", "server", 0), "STRICT", selecting("app", "server"), onPort("http", "DISABLE")),
			},
			want:     "STRICT from shop/server (workload policy)",
			shadowed: []string{"shop/server spec.portLevelMtls.http bad-port: the key is not a port number"},
		},
		{
			name:     "pa-revision-label",
			policies: []*kube.PeerAuthentication{peer(meta("shop", "default", 0), "STRICT", peerRevision("canary"))},
			revision: "stable",
			want:     "PERMISSIVE, Istio's default",
			shadowed: []string{`shop/default other-revision: istio.io/rev "canary" hides it from other revisions`},
		},
		{
			name:     "a policy of the same revision",
			policies: []*kube.PeerAuthentication{peer(meta("shop", "default", 0), "STRICT", peerRevision("canary"))},
			revision: "canary",
			want:     "STRICT from shop/default, namespace-wide",
		},
		{
			name:     "an istiod without revision reads all",
			policies: []*kube.PeerAuthentication{peer(meta("shop", "default", 0), "STRICT", peerRevision("canary"))},
			want:     "STRICT from shop/default, namespace-wide",
		},
		{
			name:     "an unknown mode is not guessed",
			policies: []*kube.PeerAuthentication{nil, peer(meta("shop", "default", 0), "MUTUAL")},
			want:     "UNKNOWN from shop/default, namespace-wide",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := policy.NewPeerAuthentications(tt.policies, root)
			e := p.ForWorkload("shop", labels("app", "server", "version", "v1"), tt.revision)
			got := e.Workload
			if tt.port != 0 {
				got = e.Port(tt.port)
			}
			if got.String() != tt.want {
				t.Errorf("got  %s\nwant %s\nsteps %q", got, tt.want, got.Steps)
			}
			if diff := cmp.Diff(tt.shadowed, shadowedPeers(got)); diff != "" {
				t.Errorf("shadowed (-want +got):\n%s", diff)
			}
		})
	}
}

func shadowedPeers(d policy.Derivation) []string {
	var out []string
	for _, s := range d.Shadowed {
		out = append(out, sentence(s.Resource.Key(), s.Field, s.Reason, s.Why))
	}
	return out
}

func sentence(key kube.Key, field string, reason policy.Reason, why string) string {
	if field != "" {
		field = " " + field
	}
	return key.String() + field + " " + string(reason) + ": " + why
}

// TestRootNamespaceWorkload: in the root namespace there is no namespace scope, and selectors
// select nobody, not even there.
func TestRootNamespaceWorkload(t *testing.T) {
	p := policy.NewPeerAuthentications([]*kube.PeerAuthentication{
		peer(meta(root, "default", 0), "STRICT"),
		peer(meta(root, "gateway", 0), "DISABLE", selecting("app", "gateway")),
	}, root)
	got := p.ForWorkload(root, labels("app", "gateway"), "")
	if want := "STRICT from istio-system/default, mesh-wide"; got.Workload.String() != want {
		t.Errorf("got %s, want %s", got.Workload, want)
	}
}

func TestForNamespace(t *testing.T) {
	p := policy.NewPeerAuthentications([]*kube.PeerAuthentication{
		peer(meta(root, "default", 0), "STRICT"),
		peer(meta("shop", "default", 0), "DISABLE"),
		peer(meta("shop", "server", 0), "STRICT", selecting("app", "server"), onPort("8080", "STRICT")),
		peer(meta("pay", "unset", 0), "UNSET"),
		peer(meta("blue", "default", 0), "PERMISSIVE", peerRevision("blue")),
	}, root)
	tests := []struct{ namespace, revision, want string }{
		{"shop", "", "DISABLE from shop/default, namespace-wide"},
		{"pay", "", "STRICT from istio-system/default, mesh-wide"},
		{root, "", "STRICT from istio-system/default, mesh-wide"},
		{"elsewhere", "", "STRICT from istio-system/default, mesh-wide"},
		{"blue", "blue", "PERMISSIVE from blue/default, namespace-wide"},
		{"blue", "green", "STRICT from istio-system/default, mesh-wide"},
	}
	for _, tt := range tests {
		if got := p.ForNamespace(tt.namespace, tt.revision).String(); got != tt.want {
			t.Errorf("%s in revision %q: got %s, want %s", tt.namespace, tt.revision, got, tt.want)
		}
	}
}

// TestDerivationIsComplete: the mode can be followed from Istio's default to the port.
func TestDerivationIsComplete(t *testing.T) {
	p := policy.NewPeerAuthentications([]*kube.PeerAuthentication{
		peer(meta(root, "default", 0), "STRICT"),
		peer(meta("shop", "default", 0), "UNSET"),
		peer(meta("shop", "server", 0), "PERMISSIVE", selecting("app", "server"), onPort("8080", "DISABLE"), onPort("9000", "UNSET")),
	}, root)
	e := p.ForWorkload("shop", labels("app", "server"), "")
	up := []string{
		"Istio's default is PERMISSIVE",
		"istio-system/default, mesh-wide says STRICT",
		"shop/default, namespace-wide leaves the mode UNSET: it stays STRICT",
		"shop/server (workload policy) says PERMISSIVE",
	}
	for port, last := range map[uint32]string{
		8080: "shop/server says DISABLE for port 8080",
		9000: "shop/server leaves port 9000 UNSET: it stays PERMISSIVE",
	} {
		if diff := cmp.Diff(append(up[:len(up):len(up)], last), e.Port(port).Steps); diff != "" {
			t.Errorf("port %d (-want +got):\n%s", port, diff)
		}
	}
	d := e.Port(8080)
	if d.Field != "spec.portLevelMtls.8080.mode" || d.Scope != policy.ScopePort || d.From.Name != "server" {
		t.Errorf("port 8080 is from %s of %v, scope %s", d.Field, d.From, d.Scope)
	}
	if e.Workload.Field != "spec.mtls.mode" || e.Workload.Scope != policy.ScopeWorkload {
		t.Errorf("workload is from %s, scope %s", e.Workload.Field, e.Workload.Scope)
	}
}
