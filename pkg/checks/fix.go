package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// tlsFixes are the remedies for a tls block that does not fit: no block at all, so that auto
// mTLS decides per endpoint; where that does not heal, ISTIO_MUTUAL. Neither is offered unless
// it heals every broken edge on paper and breaks none that works.
func tlsFixes(p *diagnose.Pass, rule *kube.DestinationRule, field string, broken []*handshake.Edge) []diagnose.Fix {
	ref, then := ruleRef(rule), "so that auto mTLS decides per endpoint"
	if external(broken) {
		then = "so that the application's own TLS passes through"
	}
	if edited, pointer, ok := withoutTLS(rule, field); ok && heals(p, replaced(p, rule, edited), broken) {
		what := "the tls block"
		if !strings.HasSuffix(pointer, "/tls") {
			what += " and what would be empty without it"
		}
		return []diagnose.Fix{{Title: fmt.Sprintf("remove %s from %s, %s", what, ref, then), Command: jsonPatch(ref, remove(pointer))}}
	}
	return mutualFixes(p, rule, field, broken)
}

// external reports whether edges lead out of the mesh, where auto mTLS leaves connections alone.
func external(edges []*handshake.Edge) bool {
	return slices.ContainsFunc(edges, func(e *handshake.Edge) bool {
		host, _ := e.SentTo()
		return host != nil && host.External
	})
}

// mutualFixes set ISTIO_MUTUAL, where that heals.
func mutualFixes(p *diagnose.Pass, rule *kube.DestinationRule, field string, broken []*handshake.Edge) []diagnose.Fix {
	edited, pointer, ok := withMode(rule, field, "ISTIO_MUTUAL")
	if !ok || !heals(p, replaced(p, rule, edited), broken) {
		return nil
	}
	return []diagnose.Fix{{
		Title:   "set tls.mode ISTIO_MUTUAL in " + ruleRef(rule).String(),
		Command: jsonPatch(ruleRef(rule), set(pointer, `{"mode":"ISTIO_MUTUAL"}`)),
		Risk:    "it goes to every endpoint of the host: one that loses its proxy later would fail",
	}}
}

// idleFixes remove tls blocks that have no effect: the last first, so that the places of the others stay.
func idleFixes(rule *kube.DestinationRule, fields ...string) []diagnose.Fix {
	var operations []string
	for _, field := range slices.Backward(fields) {
		edited, pointer, ok := withoutTLS(rule, field)
		if !ok {
			return nil
		}
		rule, operations = edited, append(operations, remove(pointer))
	}
	return []diagnose.Fix{{
		Title:   "remove what has no effect: nothing changes, and nobody is misled",
		Command: jsonPatch(ruleRef(rule), operations...),
	}}
}

// ruleFix is a new DestinationRule in the service's namespace for one host, with a tls mode for
// some of its ports (none: for all); not offered unless it heals.
func ruleFix(p *diagnose.Pass, title string, host *mesh.Host, mode string, ports []uint32, broken []*handshake.Edge) []diagnose.Fix {
	rule := &kube.DestinationRule{}
	rule.Name, rule.Namespace = host.Ref.Name+"-mtls", host.Namespace
	if mode == "DISABLE" {
		rule.Name = host.Ref.Name + "-plaintext"
	}
	rule.CreationTimestamp = p.CapturedAt
	rule.Spec.Host = host.Name
	rule.Spec.TrafficPolicy = &kube.TrafficPolicy{}
	for _, port := range ports {
		rule.Spec.TrafficPolicy.PortLevelSettings = append(rule.Spec.TrafficPolicy.PortLevelSettings,
			kube.PortTrafficPolicy{Port: kube.PortSelector{Number: int32(port)}, TLS: &kube.ClientTLS{Mode: mode}})
	}
	if len(ports) == 0 {
		rule.Spec.TrafficPolicy.TLS = &kube.ClientTLS{Mode: mode}
	}
	if !heals(p, append(slices.Clone(p.Resources.DestinationRules), rule), broken) {
		return nil
	}
	return []diagnose.Fix{{Title: title, Manifest: ruleManifest(rule)}}
}

// plainPorts are DestinationRules by which clients send plaintext to the ports of edges.
func plainPorts(p *diagnose.Pass, edges []*handshake.Edge) []diagnose.Fix {
	var out []diagnose.Fix
	for _, host := range distinct(edges, hostOf) {
		if host == nil {
			continue
		}
		mine := to(edges, host)
		ports := distinct(mine, func(e *handshake.Edge) uint32 {
			_, port := e.SentTo()
			return port
		})
		title := fmt.Sprintf("have clients send plaintext to %s of %s", portList(ports), shortHost(p, host.Name))
		out = append(out, ruleFix(p, title, host, "DISABLE", ports, mine)...)
	}
	return together(out)
}

// rulePerHost are DestinationRules with a tls mode for the hosts of edges.
func rulePerHost(p *diagnose.Pass, edges []*handshake.Edge, mode string, title func(host string) string) []diagnose.Fix {
	var out []diagnose.Fix
	for _, host := range distinct(edges, hostOf) {
		if host != nil {
			out = append(out, ruleFix(p, title(shortHost(p, host.Name)), host, mode, nil, to(edges, host))...)
		}
	}
	return together(out)
}

// together marks fixes as parts of one: each mends some of what is broken.
func together(parts []diagnose.Fix) []diagnose.Fix {
	for i := range parts {
		parts[i].Also = i > 0
	}
	return parts
}

// restartable reports whether kubectl can restart a workload: of a ReplicaSet or a Job it refuses to.
func restartable(w *mesh.Workload) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet"}, w.Kind)
}

func restart(w *mesh.Workload) string {
	return shell("kubectl -n %s rollout restart %s", w.Namespace, strings.ToLower(w.Kind)+"/"+w.Name)
}

// pointer is the JSON pointer of a field without indices: "spec.portLevelMtls.9000.mode".
func pointer(field string) string { return "/" + strings.ReplaceAll(field, ".", "/") }

// indexed is the JSON pointer of a field with indices: "spec.ports[0].protocol".
func indexed(field string) string {
	return pointer(strings.NewReplacer("[", ".", "]", "").Replace(field))
}

// annotationPointer is the JSON pointer of an annotation of a workload's pods.
func annotationPointer(w *mesh.Workload, name string) string {
	return pointer(podMetadata(w)) + "/annotations/" + strings.ReplaceAll(name, "/", "~1")
}

// portList names ports: "port 80", "ports 80, 443".
func portList(ports []uint32) string {
	slices.Sort(ports)
	word := "port "
	if len(ports) > 1 {
		word = "ports "
	}
	return word + strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ", "), "[]")
}
