package kube

import "cmp"

// Ingress is a networking.k8s.io Ingress: which Services its controller calls.
type Ingress struct {
	Meta `json:"metadata"`
	Spec IngressSpec `json:"spec,omitzero"`
}

// IngressSpec is the part of an Ingress that says who serves it and where it leads.
type IngressSpec struct {
	ClassName      string          `json:"ingressClassName,omitempty"`
	DefaultBackend *IngressBackend `json:"defaultBackend,omitempty"`
	Rules          []IngressRule   `json:"rules,omitempty"`
}

// IngressRule leads the paths of a host.
type IngressRule struct {
	HTTP *IngressPaths `json:"http,omitempty"`
}

// IngressPaths are the paths of a rule.
type IngressPaths struct {
	Paths []IngressPath `json:"paths,omitempty"`
}

// IngressPath leads to a backend.
type IngressPath struct {
	Backend IngressBackend `json:"backend,omitzero"`
}

// IngressBackend is where an Ingress leads; Service is nil for another kind of resource.
type IngressBackend struct {
	Service *IngressService `json:"service,omitempty"`
}

// IngressService is a Service of the Ingress's namespace.
type IngressService struct {
	Name string      `json:"name"`
	Port IngressPort `json:"port,omitzero"`
}

// IngressPort is a port of a Service, by its number or its name.
type IngressPort struct {
	Name   string `json:"name,omitempty"`
	Number int32  `json:"number,omitempty"`
}

// Class is the class that an Ingress names, by its field or by the annotation that came before it; "" for the default.
func (i *Ingress) Class() string {
	return cmp.Or(i.Spec.ClassName, i.Annotations["kubernetes.io/ingress.class"])
}

// Services are all Services to which an Ingress leads.
func (i *Ingress) Services() []*IngressService {
	var out []*IngressService
	add := func(b *IngressBackend) {
		if b != nil && b.Service != nil {
			out = append(out, b.Service)
		}
	}
	add(i.Spec.DefaultBackend)
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, path := range rule.HTTP.Paths {
			add(&path.Backend)
		}
	}
	return out
}

// IngressClass is a networking.k8s.io IngressClass: which controller serves the Ingresses of a class.
type IngressClass struct {
	Meta `json:"metadata"`
	Spec IngressClassSpec `json:"spec,omitzero"`
}

// IngressClassSpec names the controller: "k8s.io/ingress-nginx".
type IngressClassSpec struct {
	Controller string `json:"controller,omitempty"`
}

// Default reports whether Ingresses that name no class are of this one
// (kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class).
func (c *IngressClass) Default() bool {
	return c.Annotations["ingressclass.kubernetes.io/is-default-class"] == "true"
}
