package kube

// Merge joins resources that were read in parts, in the order of the parts. Of resources of one
// kind with the same namespace and name the first stays: archives hold a pod both in a list and
// in a file of its own. A kind counts as read when any part read it.
func Merge(parts ...*Resources) *Resources {
	out := &Resources{}
	out.Pods = mergeLists(parts, func(r *Resources) []*Pod { return r.Pods })
	out.Services = mergeLists(parts, func(r *Resources) []*Service { return r.Services })
	out.EndpointSlices = mergeLists(parts, func(r *Resources) []*EndpointSlice { return r.EndpointSlices })
	out.Namespaces = mergeLists(parts, func(r *Resources) []*Namespace { return r.Namespaces })
	out.ConfigMaps = mergeLists(parts, func(r *Resources) []*ConfigMap { return r.ConfigMaps })
	out.ReplicaSets = mergeLists(parts, func(r *Resources) []*Controller { return r.ReplicaSets })
	out.Jobs = mergeLists(parts, func(r *Resources) []*Controller { return r.Jobs })
	out.Deployments = mergeLists(parts, func(r *Resources) []*Controller { return r.Deployments })
	out.StatefulSets = mergeLists(parts, func(r *Resources) []*Controller { return r.StatefulSets })
	out.DaemonSets = mergeLists(parts, func(r *Resources) []*Controller { return r.DaemonSets })
	out.CronJobs = mergeLists(parts, func(r *Resources) []*Controller { return r.CronJobs })
	out.PeerAuthentications = mergeLists(parts, func(r *Resources) []*PeerAuthentication { return r.PeerAuthentications })
	out.DestinationRules = mergeLists(parts, func(r *Resources) []*DestinationRule { return r.DestinationRules })
	out.ServiceEntries = mergeLists(parts, func(r *Resources) []*ServiceEntry { return r.ServiceEntries })
	out.WorkloadEntries = mergeLists(parts, func(r *Resources) []*WorkloadEntry { return r.WorkloadEntries })
	out.Sidecars = mergeLists(parts, func(r *Resources) []*Sidecar { return r.Sidecars })
	out.VirtualServices = mergeLists(parts, func(r *Resources) []*VirtualService { return r.VirtualServices })
	out.Gateways = mergeLists(parts, func(r *Resources) []*Gateway { return r.Gateways })
	out.AuthorizationPolicies = mergeLists(parts, func(r *Resources) []*AuthorizationPolicy { return r.AuthorizationPolicies })
	out.EnvoyFilters = mergeLists(parts, func(r *Resources) []*EnvoyFilter { return r.EnvoyFilters })
	out.RequestAuthentications = mergeLists(parts, func(r *Resources) []*RequestAuthentication { return r.RequestAuthentications })
	out.ValidatingWebhooks = mergeLists(parts, func(r *Resources) []*WebhookConfiguration { return r.ValidatingWebhooks })
	out.MutatingWebhooks = mergeLists(parts, func(r *Resources) []*WebhookConfiguration { return r.MutatingWebhooks })
	out.APIServices = mergeLists(parts, func(r *Resources) []*APIService { return r.APIServices })
	out.Ingresses = mergeLists(parts, func(r *Resources) []*Ingress { return r.Ingresses })
	out.IngressClasses = mergeLists(parts, func(r *Resources) []*IngressClass { return r.IngressClasses })
	out.HTTPRoutes = mergeLists(parts, func(r *Resources) []*Route { return r.HTTPRoutes })
	out.GRPCRoutes = mergeLists(parts, func(r *Resources) []*Route { return r.GRPCRoutes })
	out.TLSRoutes = mergeLists(parts, func(r *Resources) []*Route { return r.TLSRoutes })
	out.TCPRoutes = mergeLists(parts, func(r *Resources) []*Route { return r.TCPRoutes })
	out.BackendTLSPolicies = mergeLists(parts, func(r *Resources) []*BackendTLSPolicy { return r.BackendTLSPolicies })
	out.ServiceMonitors = mergeLists(parts, func(r *Resources) []*Monitor { return r.ServiceMonitors })
	out.PodMonitors = mergeLists(parts, func(r *Resources) []*Monitor { return r.PodMonitors })
	for _, p := range parts {
		for id := range p.read {
			out.MarkRead(id)
		}
	}
	return out
}

// keyed is a pointer to a resource, which has its key from the embedded Meta.
type keyed[T any] interface {
	*T
	Key() Key
}

func mergeLists[T any, P keyed[T]](parts []*Resources, field func(*Resources) []*T) []*T {
	var out []*T
	seen := map[Key]bool{}
	for _, part := range parts {
		for _, v := range field(part) {
			if k := P(v).Key(); !seen[k] {
				seen[k] = true
				out = append(out, v)
			}
		}
	}
	return out
}

// Metadata returns the metadata of any resource: every kind embeds Meta.
func (m *Meta) Metadata() *Meta { return m }
