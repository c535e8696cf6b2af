package kube

import (
	"cmp"
	"iter"
	"slices"
)

// Route is an HTTPRoute, GRPCRoute, TLSRoute or TCPRoute of the Gateway API: which Services a gateway calls, or a mesh
// (gateway-api.sigs.k8s.io/reference/spec).
type Route struct {
	Meta   `json:"metadata"`
	Spec   RouteSpec   `json:"spec,omitzero"`
	Status RouteStatus `json:"status,omitzero"`
}

// RouteSpec is the part of a route that says where it leads.
type RouteSpec struct {
	Rules []RouteRule `json:"rules,omitempty"`
}

// RouteRule leads to its backends.
type RouteRule struct {
	BackendRefs []BackendRef `json:"backendRefs,omitempty"`
}

// BackendRef is where a rule leads: without a kind a Service, without a namespace one of the route's. A weight of 0
// takes no traffic.
type BackendRef struct {
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Port      int32  `json:"port,omitempty"`
	Weight    *int32 `json:"weight,omitempty"`
}

// RouteStatus is what the controllers of its parents say of a route.
type RouteStatus struct {
	Parents []RouteParent `json:"parents,omitempty"`
}

// RouteParent is what one controller says of a route at one parent.
type RouteParent struct {
	ParentRef      ParentRef   `json:"parentRef,omitzero"`
	ControllerName string      `json:"controllerName,omitempty"` // "istio.io/gateway-controller"
	Conditions     []Condition `json:"conditions,omitempty"`
}

// ParentRef is what a route is attached to: without a kind a Gateway, without a namespace one of the route's.
type ParentRef struct {
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Accepted reports whether a controller has taken the route.
func (p *RouteParent) Accepted() bool {
	return slices.ContainsFunc(p.Conditions, func(c Condition) bool { return c.Type == "Accepted" && c.Status == "True" })
}

// Gateway is the Gateway at which the parent is, false when it is of another kind, such as a Service of a mesh.
func (p *RouteParent) Gateway(route *Route) (Key, bool) {
	ref := p.ParentRef
	return Key{Namespace: cmp.Or(ref.Namespace, route.Namespace), Name: ref.Name}, cmp.Or(ref.Kind, "Gateway") == "Gateway"
}

// Services are the Services, with their ports, to which a route sends traffic.
func (r *Route) Services() []ServiceReference {
	var out []ServiceReference
	for _, rule := range r.Spec.Rules {
		for _, b := range rule.BackendRefs {
			if cmp.Or(b.Kind, "Service") == "Service" && (b.Weight == nil || *b.Weight > 0) {
				out = append(out, ServiceReference{Namespace: cmp.Or(b.Namespace, r.Namespace), Name: b.Name, Port: b.Port})
			}
		}
	}
	return out
}

// Routes yields the routes of all kinds, each with its name.
func (r *Resources) Routes() iter.Seq2[Ref, *Route] {
	return func(yield func(Ref, *Route) bool) {
		for _, of := range []struct {
			kind string
			list []*Route
		}{{"HTTPRoute", r.HTTPRoutes}, {"GRPCRoute", r.GRPCRoutes}, {"TLSRoute", r.TLSRoutes}, {"TCPRoute", r.TCPRoutes}} {
			for _, route := range of.list {
				if !yield(Ref{Kind: of.kind, Namespace: route.Namespace, Name: route.Name}, route) {
					return
				}
			}
		}
	}
}
