package checks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

var mtd403 = &diagnose.Check{
	Code: "MTD403", Name: "policy-not-enforced", Severity: diagnose.Error,
	Title: "a proxy accepts something else than its PeerAuthentication says",
	Doc: diagnose.Doc{
		Meaning: "The policies in the cluster say one thing about a port and the proxy's inbound listener does another. With STRICT asked for and plaintext accepted, the workload looks protected and is open; " +
			"the other way round, callers are refused whom the policy lets in. The proxy runs an old config, or something other than istiod's policies shaped it.",
		Symptoms: []string{
			"kubectl shows STRICT, and a pod without a proxy still gets an answer",
			"istioctl proxy-status: STALE, or the proxy is missing from the list",
			"a policy works on every workload but one",
		},
		Detection: "The effective mode of every port of the inbound listener, by the PeerAuthentications of the workload, its namespace and the mesh, against the mode that the listener's filter chains implement for mutual TLS and for plaintext.",
		ByHand: []diagnose.Look{
			seeAll("peerauthentications.security.istio.io", "what should be in force"),
			seeInbound("what is: transportProtocol raw_buffer for the port means that plaintext gets in"),
			look("istioctl proxy-status", "the proxy is not SYNCED, or not in the list"),
		},
		NotThis: "Ports that iptables keeps from the proxy, gateways, and listeners that a Sidecar resource declares are not judged. A policy that was changed seconds before the capture may not have arrived yet: that is unknown. " +
			"A policy that does not say what its author meant is an MTD3xx check.",
		Fix:        "If the proxy rejects its config, mend that first (MTD402). Otherwise see why istiod's pushes do not arrive: its connection, its revision, an EnvoyFilter on the inbound listener.",
		References: []string{"istio/istio#37107", "pilot/pkg/security/authn/policy_applier.go"},
	},
	Needs: []diagnose.Evidence{diagnose.Proxies, diagnose.PeerAuthentications, diagnose.MeshConfig},
	After: []diagnose.Code{"MTD402"},
	Run:   policyNotEnforced,
}

func policyNotEnforced(p *diagnose.Pass) {
	for pod := range p.ProxyPods() {
		modes := p.Engine.InboundModes(pod)
		switch {
		case pod.Plane != mesh.Sidecar, pod.Capture.Mode == "NONE", sidecarIngress(p, pod):
			p.NotApplicable()
		case modes == nil:
			p.Unknown(kube.PodRef(pod.Key()), "its inbound listener is not in the evidence")
		default:
			comparePolicy(p, pod, modes)
		}
	}
}

// sidecarIngress reports whether the Sidecar that applies to a pod declares its inbound listeners.
func sidecarIngress(p *diagnose.Pass, pod *mesh.Pod) bool {
	s := sidecarOf(p, pod)
	return s != nil && len(s.Spec.Ingress) > 0
}

// discord is a difference between what is asked for and what runs.
type discord struct{ asked, runs string }

func (d discord) compare(o discord) int {
	return cmp.Or(cmp.Compare(d.asked, o.asked), cmp.Compare(d.runs, o.runs))
}

func comparePolicy(p *diagnose.Pass, pod *mesh.Pod, modes []handshake.PortMode) {
	wrong := map[discord][]uint32{}
	for _, m := range modes {
		asked := p.Mode(pod).Port(m.Port)
		switch why := unsure(p, pod, asked); {
		case m.Bypassed:
			p.NotApplicable()
		case m.Mode == "":
			p.Unknown(kube.PodRef(pod.Key()), portName(m.Port)+" takes neither plaintext nor Istio's mutual TLS")
		case asked.Mode == policy.Unknown:
			p.Unknown(kube.PodRef(pod.Key()), fmt.Sprintf("the mode of %s is not known to this tool", policyRef(asked.From)))
		case string(asked.Mode) == m.Mode:
			p.Passed()
		case why != "":
			p.Unknown(kube.PodRef(pod.Key()), why)
		default:
			d := discord{string(asked.Mode), m.Mode}
			wrong[d] = append(wrong[d], m.Port)
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(wrong), discord.compare) {
		p.Failed(notEnforced(p, pod, d, wrong[d]))
	}
}

// unsure says why a difference may be none: the policy is so new that it may be on its way, or
// the pod does not tell its revision and the policy is for one only.
func unsure(p *diagnose.Pass, pod *mesh.Pod, asked policy.Derivation) string {
	switch {
	case asked.From == nil:
		return ""
	case fresh(p, &asked.From.Meta):
		return fmt.Sprintf("%s changed so shortly before the capture that it may not have arrived", policyRef(asked.From))
	case asked.From.Labels[revisionLabel] != "" && pod.Revision() == "":
		return fmt.Sprintf("%s is for one revision, and that of the pod is not known", policyRef(asked.From))
	}
	return ""
}

func notEnforced(p *diagnose.Pass, pod *mesh.Pod, d discord, ports []uint32) diagnose.Finding {
	asked := p.Mode(pod).Port(ports[len(ports)-1])
	broken, open := affected(p, pod, d)
	f := diagnose.Finding{
		Subject: pod.Workload.Ref, Group: d.asked + "/" + d.runs, Edges: broken, Workloads: []kube.Ref{pod.Workload.Ref},
		Title: fmt.Sprintf("the proxy of %s is %s on %s, although its policy says %s", workloadName(pod.Workload), d.runs, portNames(ports), d.asked),
		Evidence: []handshake.Fact{
			modeFact(asked),
			handshake.DumpFact(pod, "listeners", "virtualInbound", fmt.Sprintf("%s: %s%s", portNames(ports), d.runs, lastUpdate(pod.Proxy))),
		},
		Fixes: []diagnose.Fix{pushFix(pod)},
	}
	if d.asked == handshake.AcceptsMTLS {
		f.Title += ": plaintext still gets in"
	} else if len(broken) == 0 {
		f.Severity = diagnose.Warning
	}
	if len(open) > 0 {
		f.Evidence = append(f.Evidence, handshake.Fact{Layer: handshake.Proxy, Source: "replayed", Value: "without mutual TLS get in: " + callers(open).String()})
	}
	return f
}

// pushFix is what to do about a proxy that runs an old config.
func pushFix(pod *mesh.Pod) diagnose.Fix {
	return diagnose.Fix{
		Title:   "see why istiod's pushes do not arrive: a rejected config, no connection, another revision",
		Command: shell("istioctl proxy-status %s; kubectl -n %s logs %s -c istio-proxy --tail=200 | grep -iE 'xds|rejected|15012'", pod.Name+"."+pod.Namespace, pod.Namespace, pod.Name),
	}
}

// affected are the edges that go otherwise than the policy wants: broken ones fail for want of
// the mutual TLS, or of the plaintext, that it lets in; open ones get in although it asks for
// mutual TLS. Callers of the latter have nothing wrong with them.
func affected(p *diagnose.Pass, pod *mesh.Pod, d discord) (broken, open []*handshake.Edge) {
	for _, e := range p.EdgesInto(pod) {
		if e.Inbound.Accepts != d.runs || string(p.Mode(pod).Port(serverPort(e)).Mode) != d.asked {
			continue
		}
		switch {
		case refusedPlain(e), unwrapped(e):
			broken = append(broken, e)
		case d.asked == handshake.AcceptsMTLS && (e.Verdict == handshake.Plaintext || e.Verdict == handshake.AppTLS):
			open = append(open, e)
		}
	}
	return broken, open
}

func lastUpdate(p *envoy.Proxy) string {
	for _, l := range p.Listeners {
		if l.Name == "virtualInbound" && l.State == envoy.Active && !l.LastUpdated.IsZero() {
			return ", last updated " + stamp(l.LastUpdated)
		}
	}
	return ""
}

func portName(port uint32) string {
	if port == 0 {
		return "every other port"
	}
	return fmt.Sprintf("port %d", port)
}

// portNames lists ports: "port 80", "ports 80, 443 and every other".
func portNames(ports []uint32) string {
	slices.Sort(ports)
	if len(ports) == 1 {
		return portName(ports[0])
	}
	var names []string
	for _, port := range ports {
		if port != 0 {
			names = append(names, fmt.Sprint(port))
		}
	}
	list := "ports " + strings.Join(names, ", ")
	if len(names) == 1 {
		list = "port " + names[0]
	}
	if ports[0] == 0 {
		list += " and every other"
	}
	return list
}
