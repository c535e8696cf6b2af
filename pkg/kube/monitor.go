package kube

import "slices"

// Monitor is a ServiceMonitor or a PodMonitor: whom a Prometheus of the operator scrapes
// (prometheus-operator.dev/docs/api-reference/api).
type Monitor struct {
	Meta `json:"metadata"`
	Spec MonitorSpec `json:"spec,omitzero"`
}

// MonitorSpec selects Services (with Endpoints) or pods (with PodEndpoints).
type MonitorSpec struct {
	Selector     LabelSelector     `json:"selector,omitzero"`
	Namespaces   NamespaceSelector `json:"namespaceSelector,omitzero"`
	Endpoints    []MonitorEndpoint `json:"endpoints,omitempty"`
	PodEndpoints []MonitorEndpoint `json:"podMetricsEndpoints,omitempty"`
}

// NamespaceSelector names namespaces; when it is empty, the resource's own is meant.
type NamespaceSelector struct {
	Any   bool     `json:"any,omitempty"`
	Names []string `json:"matchNames,omitempty"`
}

// MonitorEndpoint is a port that is scraped: by name, that of a Service or of a container, or by number. A Scheme is
// http when not given.
type MonitorEndpoint struct {
	Port        string       `json:"port,omitempty"`
	PortNumber  int32        `json:"portNumber,omitempty"`
	TargetPort  *IntOrString `json:"targetPort,omitempty"`
	Scheme      string       `json:"scheme,omitempty"`
	Relabelings []Relabeling `json:"relabelings,omitempty"`
}

// Relabeling changes or filters what is scraped.
type Relabeling struct {
	Action string `json:"action,omitempty"`
	Target string `json:"targetLabel,omitempty"`
}

// Selects reports whether a monitor selects resources of a namespace with labels.
func (m *Monitor) Selects(namespace string, labels map[string]string) bool {
	of := m.Spec.Namespaces
	within := of.Any || slices.Contains(of.Names, namespace) || len(of.Names) == 0 && namespace == m.Namespace
	return within && m.Spec.Selector.Matches(labels)
}

// LabelSelector selects by labels as Kubernetes does; an empty one selects everything.
type LabelSelector struct {
	MatchLabels      map[string]string  `json:"matchLabels,omitempty"`
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is what a label must be. An operator is In, NotIn, Exists or DoesNotExist.
type LabelRequirement struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"`
	Values   []string `json:"values,omitempty"`
}

// Matches reports whether labels fit.
func (s *LabelSelector) Matches(labels map[string]string) bool {
	unmet := func(r LabelRequirement) bool { return !r.met(labels) }
	return HasLabels(s.MatchLabels, labels) && !slices.ContainsFunc(s.MatchExpressions, unmet)
}

func (r *LabelRequirement) met(labels map[string]string) bool {
	value, has := labels[r.Key]
	switch r.Operator {
	case "In":
		return has && slices.Contains(r.Values, value)
	case "NotIn":
		return !slices.Contains(r.Values, value) // a label that is absent is in no set
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	}
	return false
}
