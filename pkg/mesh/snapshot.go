package mesh

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Snapshot is evidence joined. It is immutable after New.
type Snapshot struct {
	*Evidence
	// Pods are the pods that hold an address, sorted by key.
	Pods []*Pod
	// Workloads are sorted by namespace, kind and name.
	Workloads []*Workload
	// Hosts are the destinations of the registry, sorted by name and namespace.
	Hosts []*Host
	// Domain is the cluster's DNS domain, "cluster.local".
	Domain string

	byKey  map[kube.Key]*Pod
	byAddr map[netip.Addr]*Pod
	byVIP  map[netip.Addr]*Host
	byHost map[string][]*Host

	balanced map[netip.AddrPort]*Port
	entries  map[string][]*kube.WorkloadEntry // by namespace
}

// New joins evidence. It never fails: what is missing stays missing, and says so.
func New(ev *Evidence) *Snapshot {
	if ev.Resources == nil {
		own := *ev // the caller's stays as it is
		own.Resources = new(kube.Resources)
		ev = &own
	}
	s := &Snapshot{
		Evidence: ev, Domain: clusterDomain(ev),
		byKey: map[kube.Key]*Pod{}, byAddr: map[netip.Addr]*Pod{},
		byVIP: map[netip.Addr]*Host{}, byHost: map[string][]*Host{}, balanced: map[netip.AddrPort]*Port{},
		entries: map[string][]*kube.WorkloadEntry{},
	}
	for _, we := range ev.Resources.WorkloadEntries {
		s.entries[we.Namespace] = append(s.entries[we.Namespace], we)
	}
	s.addPods()
	s.addWorkloads()
	s.addHosts()
	return s
}

// Pod returns a pod by key, or nil.
func (s *Snapshot) Pod(k kube.Key) *Pod { return s.byKey[k] }

// PodAt returns the pod that holds an address, or nil. Pods on the host's network share the
// node's address and are never found.
func (s *Snapshot) PodAt(a netip.Addr) *Pod { return s.byAddr[a.Unmap()] }

// HostAt returns the host with that virtual IP, or nil.
func (s *Snapshot) HostAt(a netip.Addr) *Host { return s.byVIP[a.Unmap()] }

// BalancedAt returns the port of a Service that a load balancer or an external IP takes, or nil.
// Packets from inside the cluster go straight to its endpoints (kube-proxy).
func (s *Snapshot) BalancedAt(a netip.AddrPort) *Port {
	return s.balanced[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())]
}

// HostsNamed returns the registry's hosts of that name: usually one, several when
// ServiceEntries of several namespaces declare the same name.
func (s *Snapshot) HostsNamed(name string) []*Host { return s.byHost[name] }

// Workload returns a workload by reference, or nil.
func (s *Snapshot) Workload(ref kube.Ref) *Workload {
	i := slices.IndexFunc(s.Workloads, func(w *Workload) bool { return w.Ref == ref })
	if i < 0 {
		return nil
	}
	return s.Workloads[i]
}

// clusterDomain reads the DNS domain from a proxy's node id, whose last part is
// "<namespace>.svc.<domain>".
func clusterDomain(ev *Evidence) string {
	for _, k := range sortedKeys(ev.Proxies) {
		parts := strings.Split(ev.Proxies[k].Node.ID, "~")
		if _, domain, ok := strings.Cut(parts[len(parts)-1], ".svc."); ok && domain != "" {
			return domain
		}
	}
	return "cluster.local"
}

func sortedKeys(m map[kube.Key]*envoy.Proxy) []kube.Key {
	keys := make([]kube.Key, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, kube.Key.Compare)
	return keys
}

// FiltersOf are the EnvoyFilters that apply to a pod: each stands in the pod's namespace, or in the root namespace, and its
// selector fits.
func (s *Snapshot) FiltersOf(pod *Pod) []*kube.EnvoyFilter {
	root := s.MeshConfig(pod.Revision()).Root()
	return slices.DeleteFunc(slices.Clone(s.Resources.EnvoyFilters), func(f *kube.EnvoyFilter) bool {
		selector := f.Spec.WorkloadSelector
		return f.Namespace != pod.Namespace && f.Namespace != root || selector != nil && !kube.HasLabels(selector.Labels, pod.Labels)
	})
}

func (s *Snapshot) addPods() {
	for _, p := range s.Resources.Pods {
		if !p.Finished() {
			s.addPod(newPod(p))
		}
	}
	// A lone dump or a bug report may hold proxies whose pod was not listed.
	for _, k := range sortedKeys(s.Proxies) {
		if s.byKey[k] == nil {
			s.addPod(podFromProxy(k, s.Proxies[k]))
		}
	}
	slices.SortFunc(s.Pods, func(a, b *Pod) int { return a.Key().Compare(b.Key()) })
	s.indexAddresses()
	for _, p := range s.Pods {
		p.Proxy = s.Proxies[p.Key()]
		if p.Proxy != nil {
			p.Plane = planeOf(p.Proxy.Node.Type, p.Plane)
		} else if p.HasProxy() {
			p.Unread = s.unread(p)
		}
	}
}

func (s *Snapshot) addPod(p *Pod) {
	s.Pods = append(s.Pods, p)
	s.byKey[p.Key()] = p
}

// indexAddresses gives an address to one pod: of several, to one that is not being deleted,
// then to the first by key.
func (s *Snapshot) indexAddresses() {
	for _, p := range s.Pods {
		if p.Spec.HostNetwork {
			continue
		}
		for _, a := range p.Addresses {
			if was := s.byAddr[a]; was == nil || (!was.DeletionTimestamp.IsZero() && p.DeletionTimestamp.IsZero()) {
				s.byAddr[a] = p
			}
		}
	}
}

func (s *Snapshot) unread(p *Pod) string {
	if g := s.GapOf(kube.Ref{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}); g != nil {
		return g.Message
	}
	return "its proxy's config is not in the evidence"
}

func (s *Snapshot) addWorkloads() {
	owners := newOwners(s.Resources)
	byRef := map[kube.Ref]*Workload{}
	for _, p := range s.Pods {
		ref := owners.workload(p.Pod)
		w := byRef[ref]
		if w == nil {
			w = &Workload{Ref: ref}
			byRef[ref] = w
			s.Workloads = append(s.Workloads, w)
		}
		w.Pods = append(w.Pods, p)
		p.Workload = w
	}
	slices.SortFunc(s.Workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}
