package checks

import (
	"slices"
	"strings"
	"testing"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

func TestPolicyNotEnforced(t *testing.T) {
	r := record(t, nack)
	f := r.one(mtd403)
	has(t, lines([]*diagnose.Finding{f}), "error Deployment shop/server [] 0: the proxy of shop/server is PERMISSIVE on ports 8080, 8443, 9000 and every other, although its policy says STRICT: plaintext still gets in")
	has(t, f.Evidence[2].Value, "without mutual TLS get in: legacy/naked, shop/hlmix-out, shop/migration-vlegacy")
	both := r.judge(mtd402, mtd403).Findings
	if len(both) != 2 || both[1].CausedBy != both[0] {
		t.Errorf("the rejected config is the cause: %s", lines(both))
	}
}

// Every healthy recording agrees with itself, whatever its policies are.
func TestPolicyEnforcedElsewhere(t *testing.T) {
	for _, name := range []string{
		healthy, "02-permissive-default", "06-pa-parent-disable-child-strict", "07-pa-portlevel-service-port",
		"10-pa-root-selector-ignored", "15-exclude-inbound-ports", "20-pa-duplicate-scope", "22-headless-port-disable",
	} {
		t.Run(name, func(t *testing.T) { record(t, name).quiet(mtd403) })
	}
}

// The proxies of the healthy mesh enforce STRICT; the policies of these cases ask otherwise.
func TestPolicyNotEnforcedIsCareful(t *testing.T) {
	permissive := func(r *recording) *kube.PeerAuthentication {
		pa := &kube.PeerAuthentication{Meta: kube.Meta{Name: "own", Namespace: "pay"}}
		pa.Spec.MTLS = &kube.MutualTLS{Mode: "PERMISSIVE"}
		pa.Spec.Selector = &kube.Selector{MatchLabels: map[string]string{"app": "api"}}
		r.Resources.PeerAuthentications = append(r.Resources.PeerAuthentications, pa)
		return pa
	}
	for name, c := range map[string]struct {
		spoil         func(*recording, *kube.PeerAuthentication)
		want, unknown string
	}{
		"refused although it may come in": {
			spoil: func(*recording, *kube.PeerAuthentication) {},
			want:  "error Deployment pay/api [] 6: the proxy of pay/api is STRICT on ports 8080, 9000 and every other, although its policy says PERMISSIVE",
		},
		"on its way": {
			spoil:   func(r *recording, pa *kube.PeerAuthentication) { pa.CreationTimestamp = r.CapturedAt },
			unknown: "may not have arrived",
		},
		"edited a moment ago": {
			spoil: func(r *recording, pa *kube.PeerAuthentication) {
				pa.ManagedFields = []kube.ManagedField{{Time: r.CapturedAt}}
			},
			unknown: "may not have arrived",
		},
		"a mode of the future": {
			spoil:   func(_ *recording, pa *kube.PeerAuthentication) { pa.Spec.MTLS.Mode = "STRICTER" },
			unknown: "is not known to this tool",
		},
		"for one revision": {
			spoil: func(r *recording, pa *kube.PeerAuthentication) {
				pa.Labels = map[string]string{"istio.io/rev": "canary"}
				for _, p := range r.Resources.Pods {
					delete(p.Annotations, "istio.io/rev")
				}
			},
			unknown: "that of the pod is not known",
		},
		"listeners of a Sidecar resource": {
			spoil: func(r *recording, _ *kube.PeerAuthentication) {
				s := &kube.Sidecar{Meta: kube.Meta{Name: "own", Namespace: "pay"}}
				s.Spec.Ingress = []kube.SidecarIngress{{}}
				r.Resources.Sidecars = append(r.Resources.Sidecars, s)
			},
		},
		"no inbound listener": {
			spoil: func(r *recording, _ *kube.PeerAuthentication) {
				p := r.proxy("pay/api")
				p.Listeners = slices.DeleteFunc(p.Listeners, func(l *envoy.Listener) bool { return l.Name == "virtualInbound" })
			},
			unknown: "its inbound listener is not in the evidence",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, healthy)
			c.spoil(r, permissive(r))
			if got := r.says(mtd403); got != c.want {
				t.Error(got)
			}
			if got := strings.Join(r.unknowns(mtd403), "\n"); (got == "") != (c.unknown == "") || !strings.Contains(got, c.unknown) {
				t.Errorf("unknown: %q", got)
			}
		})
	}
}

func TestPortNames(t *testing.T) {
	for want, ports := range map[string][]uint32{
		"port 80":                       {80},
		"every other port":              {0},
		"ports 80, 443":                 {443, 80},
		"port 80 and every other":       {0, 80},
		"ports 80, 443 and every other": {443, 0, 80},
	} {
		if got := portNames(ports); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPolicyNotEnforcedBlind(t *testing.T) {
	for _, missing := range []diagnose.Evidence{diagnose.PeerAuthentications, diagnose.MeshConfig, diagnose.Proxies} {
		r := record(t, nack)
		switch missing {
		case diagnose.MeshConfig:
			r.MeshConfigs = nil
		case diagnose.Proxies:
			r.Proxies = nil
		default:
			r.unread(missing)
		}
		r.blind(mtd403, missing)
	}
}

// Of several Sidecars only the one that applies declares the inbound listeners of a pod.
func TestSidecarIngressOfTheOneThatApplies(t *testing.T) {
	r := record(t, healthy)
	general := &kube.Sidecar{Meta: kube.Meta{Namespace: "shop", Name: "default"}}
	general.Spec.Ingress = []kube.SidecarIngress{{Port: kube.EntryPort{Number: 8080}}}
	own := &kube.Sidecar{Meta: kube.Meta{Namespace: "shop", Name: "server"}}
	own.Spec.WorkloadSelector = &kube.EntrySelector{Labels: map[string]string{"app": "server"}}
	r.Resources.Sidecars = append(r.Resources.Sidecars, general, own)
	declares := map[string]bool{}
	probe := *mtd403
	probe.Run = func(p *diagnose.Pass) {
		for _, pod := range p.Pods {
			declares[pod.Workload.Name] = sidecarIngress(p, pod)
		}
	}
	r.judge(&probe)
	if declares["server"] || !declares["multi"] {
		t.Errorf("%v", declares)
	}
}
