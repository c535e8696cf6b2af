package report

import (
	"cmp"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// workloads describes every workload in scope, the worst first.
func workloads(r *diagnose.Result, edges []*handshake.Edge) []Workload {
	t := countTraffic(edges)
	named := findingsByWorkload(r)
	out := []Workload{}
	for _, w := range r.Snapshot.Workloads {
		if !slices.ContainsFunc(w.Pods, r.InScope) {
			continue
		}
		x := describe(r, w)
		x.Inbound, x.Outbound, x.Doubts, x.DoubtsUnread = t.inbound[w], t.outbound[w], t.doubts[w], t.unread[w]
		x.Findings = refs(named[w])
		x.Health = health(&x, named[w])
		out = append(out, x)
	}
	blame := blames(r)
	slices.SortStableFunc(out, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(slices.Index(healthOrder, b.Health), slices.Index(healthOrder, a.Health)),
			cmp.Compare(blame[b.Ref], blame[a.Ref]))
	})
	return out
}

// blames tells the workloads that a finding is about from those that it merely hits: 2 for its
// subject and those that it names, 1 for the servers of its connections.
func blames(r *diagnose.Result) map[kube.Ref]int {
	out := map[kube.Ref]int{}
	for _, f := range r.Findings {
		if f.Severity == diagnose.Info {
			continue
		}
		for _, e := range f.Edges {
			if e.Server.Pod != nil {
				out[e.Server.Pod.Workload.Ref] = max(1, out[e.Server.Pod.Workload.Ref])
			}
		}
		for _, ref := range append(slices.Clone(f.Workloads), f.Subject) {
			if p := r.Snapshot.Pod(kubeKey(ref)); ref.Kind == "Pod" && p != nil {
				ref = p.Workload.Ref
			}
			out[ref] = 2
		}
	}
	return out
}

func describe(r *diagnose.Result, w *mesh.Workload) Workload {
	first := w.Pods[0]
	x := Workload{Ref: w.Ref, Plane: first.Plane, Pods: Count{Total: len(w.Pods)}, Ports: []Port{}}
	for _, p := range w.Pods {
		if p.HasProxy() {
			x.Plane = p.Plane
		}
		if p.HasProxy() && p.Proxy == nil {
			if x.Unread == nil {
				x.Unread = map[string]string{}
			}
			x.Unread[p.Name] = p.Unread
			continue
		}
		x.present(p)
		if !x.miss(p.Proxy) {
			x.Pods.Read++
		}
	}
	x.Upstreams = upstreams(r, w)
	if x.Plane == mesh.Sidecar {
		x.modes(r, w)
	}
	return x
}

// miss notes what was not read of a proxy, and reports whether there is any.
func (x *Workload) miss(p *envoy.Proxy) bool {
	if p == nil {
		return false
	}
	missing := missingSections(p)
	for _, name := range missing {
		x.Missing = appendNew(x.Missing, name)
	}
	return len(missing) > 0
}

// present notes the certificate that a pod's proxy presents; the one that ends first stays.
func (x *Workload) present(p *mesh.Pod) {
	if p.Proxy == nil {
		return
	}
	for _, s := range p.Proxy.Secrets {
		leaf := s.Chain.Leaf()
		if s.Name != "default" || leaf == nil || (s.State != envoy.Active && s.State != envoy.Static) {
			continue
		}
		if id, err := s.Chain.Identity(); err == nil {
			x.Identity = id.String()
		}
		if x.Certificate != nil && x.Certificate.NotAfter.Before(leaf.NotAfter) {
			continue
		}
		i := certs.Describe(leaf)
		x.Certificate = &Certificate{i.NotBefore.UTC(), i.NotAfter.UTC(), i.Issuer, i.KeyType, i.SHA256}
	}
}

// modes sets what is asked for and what is enforced, per port.
func (x *Workload) modes(r *diagnose.Result, w *mesh.Workload) {
	first := w.Pods[0]
	read := r.Resources.HasRead(string(diagnose.PeerAuthentications))
	effective := r.PeerAuth.ForWorkload(w.Namespace, first.Labels, first.Revision())
	if read {
		x.Policy = mode(effective.Workload)
	}
	enforced := enforcedModes(r, w)
	for _, port := range sortedPorts(enforced) {
		p := Port{Port: port, Enforced: enforced[port]}
		if read {
			p.Policy = mode(effective.Port(port))
		}
		x.Ports = append(x.Ports, p)
	}
}

func mode(d policy.Derivation) Mode {
	m := Mode{Mode: string(d.Mode), Scope: string(d.Scope), Derivation: d.String()}
	if d.From != nil {
		m.From = "PeerAuthentication " + d.From.Key().String()
	}
	return m
}

// enforcedModes joins what the replicas' listeners accept; where they differ it is "mixed".
func enforcedModes(r *diagnose.Result, w *mesh.Workload) map[uint32]string {
	out := map[uint32]string{}
	for _, p := range w.Pods {
		for _, m := range r.Engine.InboundModes(p) {
			if m.Port == 0 {
				continue
			}
			if m.Bypassed {
				m.Mode = "bypassed"
			}
			if was, ok := out[m.Port]; ok && was != m.Mode {
				m.Mode = "mixed"
			}
			out[m.Port] = m.Mode
		}
	}
	return out
}

func sortedPorts(m map[uint32]string) []uint32 {
	out := make([]uint32, 0, len(m))
	for p := range m {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// findingsByWorkload finds who a finding hits: its subject, both ends of its edges, its workloads.
func findingsByWorkload(r *diagnose.Result) map[*mesh.Workload][]*diagnose.Finding {
	out := map[*mesh.Workload][]*diagnose.Finding{}
	for _, f := range r.Findings {
		hit := map[*mesh.Workload]bool{}
		for _, e := range f.Edges {
			hit[e.Client.Workload] = true
			if e.Server.Pod != nil {
				hit[e.Server.Pod.Workload] = true
			}
		}
		for _, ref := range append(slices.Clone(f.Workloads), f.Subject) {
			if w := r.Snapshot.Workload(ref); w != nil {
				hit[w] = true
			} else if p := r.Snapshot.Pod(kubeKey(ref)); ref.Kind == "Pod" && p != nil {
				hit[p.Workload] = true
			}
		}
		for w := range hit {
			out[w] = append(out[w], f)
		}
	}
	return out
}

// health is the worst of what findings say and what could not be read.
func health(w *Workload, fs []*diagnose.Finding) Health {
	h := OK
	switch {
	case w.Plane == mesh.NoProxy:
		h = NotApplicable
	case w.Pods.Read < w.Pods.Total || w.Doubts > 0 || len(w.Missing) > 0 || w.Plane == mesh.Ztunnel || w.silent() || w.alone():
		h = UnknownHealth
	}
	for _, f := range fs {
		switch f.Severity {
		case diagnose.Error:
			h = worse(h, Fail)
		case diagnose.Warning:
			h = worse(h, Warn)
		}
	}
	return h
}

// silent reports whether the evidence says nothing of a workload: no certificate and no call.
func (x *Workload) silent() bool {
	return x.Certificate == nil && x.Inbound.Total+x.Outbound.Total == 0
}
