package kube

import "iter"

// meta makes the metadata of all resources alike.
func (m *Meta) meta() *Meta { return m }

// configuring walks the resources of each kind that configures a mesh, by kind: those that a finding
// may blame and somebody writes. Pods and what belongs to them come and go by themselves.
var configuring = map[string]func(*Resources) iter.Seq[*Meta]{
	"PeerAuthentication":    metas(func(r *Resources) []*PeerAuthentication { return r.PeerAuthentications }),
	"DestinationRule":       metas(func(r *Resources) []*DestinationRule { return r.DestinationRules }),
	"ServiceEntry":          metas(func(r *Resources) []*ServiceEntry { return r.ServiceEntries }),
	"WorkloadEntry":         metas(func(r *Resources) []*WorkloadEntry { return r.WorkloadEntries }),
	"Sidecar":               metas(func(r *Resources) []*Sidecar { return r.Sidecars }),
	"VirtualService":        metas(func(r *Resources) []*VirtualService { return r.VirtualServices }),
	"Gateway":               metas(func(r *Resources) []*Gateway { return r.Gateways }),
	"AuthorizationPolicy":   metas(func(r *Resources) []*AuthorizationPolicy { return r.AuthorizationPolicies }),
	"RequestAuthentication": metas(func(r *Resources) []*RequestAuthentication { return r.RequestAuthentications }),
	"EnvoyFilter":           metas(func(r *Resources) []*EnvoyFilter { return r.EnvoyFilters }),
	"Service":               metas(func(r *Resources) []*Service { return r.Services }),
	"Ingress":               metas(func(r *Resources) []*Ingress { return r.Ingresses }),
	"IngressClass":          metas(func(r *Resources) []*IngressClass { return r.IngressClasses }),
	"Deployment":            metas(func(r *Resources) []*Controller { return r.Deployments }),
	"StatefulSet":           metas(func(r *Resources) []*Controller { return r.StatefulSets }),
	"DaemonSet":             metas(func(r *Resources) []*Controller { return r.DaemonSets }),
	"CronJob":               metas(func(r *Resources) []*Controller { return r.CronJobs }),
	"HTTPRoute":             metas(func(r *Resources) []*Route { return r.HTTPRoutes }),
	"GRPCRoute":             metas(func(r *Resources) []*Route { return r.GRPCRoutes }),
	"TLSRoute":              metas(func(r *Resources) []*Route { return r.TLSRoutes }),
	"TCPRoute":              metas(func(r *Resources) []*Route { return r.TCPRoutes }),
	"BackendTLSPolicy":      metas(func(r *Resources) []*BackendTLSPolicy { return r.BackendTLSPolicies }),
	"ServiceMonitor":        metas(func(r *Resources) []*Monitor { return r.ServiceMonitors }),
	"PodMonitor":            metas(func(r *Resources) []*Monitor { return r.PodMonitors }),
	"Namespace":             metas(func(r *Resources) []*Namespace { return r.Namespaces }),
	"ConfigMap":             metas(func(r *Resources) []*ConfigMap { return r.ConfigMaps }),

	"ValidatingWebhookConfiguration": metas(func(r *Resources) []*WebhookConfiguration { return r.ValidatingWebhooks }),
	"MutatingWebhookConfiguration":   metas(func(r *Resources) []*WebhookConfiguration { return r.MutatingWebhooks }),
}

func metas[T interface{ meta() *Meta }](list func(*Resources) []T) func(*Resources) iter.Seq[*Meta] {
	return func(r *Resources) iter.Seq[*Meta] {
		return func(yield func(*Meta) bool) {
			for _, x := range list(r) {
				if !yield(x.meta()) {
					return
				}
			}
		}
	}
}

// MetaOf is the metadata of a resource that configures the mesh; nil when it was not read, or is of
// another kind.
func (r *Resources) MetaOf(ref Ref) *Meta {
	walk, ok := configuring[ref.Kind]
	if !ok {
		return nil
	}
	for m := range walk(r) {
		if m.Name == ref.Name && m.Namespace == ref.Namespace {
			return m
		}
	}
	return nil
}

// Configuring yields every resource that configures the mesh, in no order.
func (r *Resources) Configuring() iter.Seq2[Ref, *Meta] {
	return func(yield func(Ref, *Meta) bool) {
		for kind, walk := range configuring {
			for m := range walk(r) {
				if !yield(Ref{Kind: kind, Namespace: m.Namespace, Name: m.Name}, m) {
					return
				}
			}
		}
	}
}
