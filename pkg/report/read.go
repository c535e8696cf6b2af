package report

import (
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// A proxy was read when it is known where it listens, where it sends and with which certificate,
// and when its config dump did not break off.
const (
	neededSections  = envoy.SectionListeners | envoy.SectionClusters | envoy.SectionSecrets
	dependsSections = neededSections | envoy.SectionEndpoints | envoy.SectionRoutes
)

func wasRead(p *envoy.Proxy) bool {
	return p != nil && p.Read.Has(neededSections) && p.Cut&dependsSections == 0
}

// missingSections are the parts of a proxy's config that a verdict rests on and that were not
// read, or not to their end.
func missingSections(p *envoy.Proxy) []string {
	return (p.Cut&dependsSections | neededSections&^p.Read).Names()
}

// isBlind reports whether traffic of a pod is carried by a proxy that was not read.
func isBlind(p *mesh.Pod) bool {
	return p.Plane == mesh.Ztunnel || p.HasProxy() && !wasRead(p.Proxy)
}

// view is the part of a diagnosis that a report is about.
type view struct {
	edges []*handshake.Edge
	in    func(*mesh.Pod) bool
	// about are the names of the pods and workloads in question: those in and those at the other
	// end of the edges.
	about map[kube.Ref]bool
	peers map[*mesh.Pod]bool
}

func newView(r *diagnose.Result, edges []*handshake.Edge, in func(*mesh.Pod) bool) *view {
	v := &view{edges: edges, in: in, about: map[kube.Ref]bool{}, peers: map[*mesh.Pod]bool{}}
	for _, p := range r.Pods {
		if in(p) {
			v.add(p)
		}
	}
	for _, e := range edges {
		for _, p := range []*mesh.Pod{e.Client, e.Server.Pod} {
			if p != nil && !in(p) && !v.peers[p] {
				v.peers[p] = true
				v.add(p)
			}
		}
	}
	return v
}

// endsOf reports whether a pod is at either end of an edge.
func endsOf(edges []*handshake.Edge) func(*mesh.Pod) bool {
	ends := map[*mesh.Pod]bool{}
	for _, e := range edges {
		ends[e.Client], ends[e.Server.Pod] = true, true
	}
	return func(p *mesh.Pod) bool { return ends[p] }
}

func (v *view) add(p *mesh.Pod) {
	v.about[kube.PodRef(p.Key())] = true
	v.about[p.Workload.Ref] = true
}

// touches reports whether what was not seen of a subject bears on the view: a pod or workload
// that is in it, and everything that is neither.
func (v *view) touches(r *diagnose.Result, ref kube.Ref) bool {
	if ref.Kind == "Pod" {
		return v.about[ref] || r.Snapshot.Pod(kubeKey(ref)) == nil
	}
	return v.about[ref] || r.Snapshot.Workload(ref) == nil
}

// unneeded reports whether evidence is of proxies, and no pod in question has one.
func (v *view) unneeded(r *diagnose.Result, ref kube.Ref) bool {
	if ref.Kind != "Evidence" || ref.Name != string(diagnose.Proxies) && ref.Name != string(diagnose.Secrets) || !r.Resources.HasRead("pods.core") {
		return false
	}
	return !slices.ContainsFunc(r.Pods, func(p *mesh.Pod) bool { return p.HasProxy() && (v.in(p) || v.peers[p]) })
}
