package checks

import (
	"maps"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// showFixes make what a finding blames for hiding a host show it to a client's proxy, where that heals
// its edges. Who would then be refused is said.
func showFixes(p *diagnose.Pass, f *diagnose.Finding, client *mesh.Pod) []diagnose.Fix {
	switch f.Subject.Kind {
	case "Sidecar":
		return importFix(p, f, client)
	case "Service":
		return exportServiceFix(p, f, client.Namespace)
	case "ServiceEntry":
		return exportEntryFix(p, f, client.Namespace)
	}
	return nil
}

// importFix adds the services of the mesh that a Sidecar hides to its egress listeners.
func importFix(p *diagnose.Pass, f *diagnose.Finding, client *mesh.Pod) []diagnose.Fix {
	s := sidecarOf(p, client)
	hidden := hiddenHosts(p, s, client.Namespace)
	edited, operations := importing(s, hidden)
	tried := rewrite(p, func(r *kube.Resources) {
		r.Sidecars = slices.Clone(r.Sidecars)
		r.Sidecars[slices.Index(r.Sidecars, s)] = edited
	})
	imported := slices.DeleteFunc(slices.Clone(f.Edges), func(e *handshake.Edge) bool {
		return e.Server.Host != nil && !exported(e.Server.Host, client.Namespace)
	})
	if len(imported) == 0 || !tried.mends(imported) {
		return nil
	}
	var partial, blind, merged string
	if byPort(s) {
		merged = "its listeners for single ports become one, and what else they set is gone"
	}
	if unread(p) {
		blind = "some proxies were not read, so the list may be incomplete"
	}
	if len(imported) < len(f.Edges) {
		partial = "what is not exported to namespace " + client.Namespace + " stays hidden"
	}
	return []diagnose.Fix{{
		Title:   "import the services of the mesh that it hides (drop those that they do not call)",
		Command: jsonPatch(f.Subject, operations...),
		Risk:    risks(blind, partial, merged, refuses(tried.stops(func(h *mesh.Host) bool { return slices.Contains(hidden, h) }))),
	}}
}

// importing is a Sidecar that imports more hosts, and the patch that makes it so. Listeners for single ports become
// one for all: istiod makes no cluster for the other ports of a host that one of them imports, whatever else imports
// it (pilot/pkg/model/sidecar.go, convertToSidecarScope).
func importing(s *kube.Sidecar, hosts []*mesh.Host) (edited *kube.Sidecar, operations []string) {
	edited = new(*s)
	all := kube.SidecarEgress{}
	for _, e := range s.Spec.Egress {
		all.Hosts = append(all.Hosts, e.Hosts...)
	}
	for _, h := range hosts {
		if slices.ContainsFunc(all.Hosts, func(entry string) bool { return imported(entry, s.Namespace, h) }) {
			continue
		}
		entry := h.Namespace + "/" + h.Name
		all.Hosts = append(all.Hosts, entry)
		operations = append(operations, set("/spec/egress/0/hosts/-", jsonText(entry)))
	}
	edited.Spec.Egress = []kube.SidecarEgress{all}
	if !byPort(s) {
		return edited, operations
	}
	return edited, []string{set("/spec/egress", `[{"hosts":`+jsonTexts(all.Hosts)+`}]`)}
}

// byPort reports whether a Sidecar imports for single ports.
func byPort(s *kube.Sidecar) bool {
	return slices.ContainsFunc(s.Spec.Egress, func(e kube.SidecarEgress) bool { return !forAllPorts(e) })
}

// exportServiceFix exports a Service to one more namespace.
func exportServiceFix(p *diagnose.Pass, f *diagnose.Finding, namespace string) []diagnose.Fix {
	const name = "networking.istio.io/exportTo"
	i := slices.IndexFunc(p.Resources.Services, func(s *kube.Service) bool { return s.Namespace == f.Subject.Namespace && s.Name == f.Subject.Name })
	edited := *p.Resources.Services[i]
	edited.Annotations = maps.Clone(edited.Annotations)
	edited.Annotations[name] = strings.Join(exportedToo(strings.Split(strings.ReplaceAll(edited.Annotations[name], " ", ""), ","), namespace), ",")
	w := rewrite(p, func(r *kube.Resources) { r.Services = slices.Clone(r.Services); r.Services[i] = &edited })
	return exportFix(w, f, namespace, set("/metadata/annotations/networking.istio.io~1exportTo", jsonText(edited.Annotations[name])))
}

// exportEntryFix exports a ServiceEntry to one more namespace.
func exportEntryFix(p *diagnose.Pass, f *diagnose.Finding, namespace string) []diagnose.Fix {
	i := slices.IndexFunc(p.Resources.ServiceEntries, func(s *kube.ServiceEntry) bool { return s.Namespace == f.Subject.Namespace && s.Name == f.Subject.Name })
	edited := *p.Resources.ServiceEntries[i]
	edited.Spec.ExportTo = exportedToo(edited.Spec.ExportTo, namespace)
	w := rewrite(p, func(r *kube.Resources) {
		r.ServiceEntries = slices.Clone(r.ServiceEntries)
		r.ServiceEntries[i] = &edited
	})
	return exportFix(w, f, namespace, set("/spec/exportTo", jsonTexts(edited.Spec.ExportTo)))
}

func exportFix(w paper, f *diagnose.Finding, namespace, operation string) []diagnose.Fix {
	if !w.mends(f.Edges) {
		return nil
	}
	stops := w.stops(func(h *mesh.Host) bool { return h.Ref == f.Subject })
	return []diagnose.Fix{{
		Title: "export it to namespace " + namespace, Command: jsonPatch(f.Subject, operation), Risk: refuses(stops),
	}}
}
