package kube

// meta makes the metadata of all resources alike.
func (m *Meta) meta() *Meta { return m }

// MetaOf is the metadata of a resource that a finding may blame; nil when it was not read, or is of
// another kind.
func (r *Resources) MetaOf(ref Ref) *Meta {
	switch ref.Kind {
	case "PeerAuthentication":
		return metaIn(r.PeerAuthentications, ref)
	case "DestinationRule":
		return metaIn(r.DestinationRules, ref)
	case "ServiceEntry":
		return metaIn(r.ServiceEntries, ref)
	case "WorkloadEntry":
		return metaIn(r.WorkloadEntries, ref)
	case "Sidecar":
		return metaIn(r.Sidecars, ref)
	case "VirtualService":
		return metaIn(r.VirtualServices, ref)
	case "Gateway":
		return metaIn(r.Gateways, ref)
	case "AuthorizationPolicy":
		return metaIn(r.AuthorizationPolicies, ref)
	case "RequestAuthentication":
		return metaIn(r.RequestAuthentications, ref)
	case "EnvoyFilter":
		return metaIn(r.EnvoyFilters, ref)
	case "Service":
		return metaIn(r.Services, ref)
	case "Ingress":
		return metaIn(r.Ingresses, ref)
	case "Namespace":
		return metaIn(r.Namespaces, ref)
	}
	return nil
}

func metaIn[T interface{ meta() *Meta }](list []T, ref Ref) *Meta {
	for _, x := range list {
		if m := x.meta(); m.Name == ref.Name && m.Namespace == ref.Namespace {
			return m
		}
	}
	return nil
}
