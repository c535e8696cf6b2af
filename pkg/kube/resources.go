package kube

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Resources are the resources of a cluster as far as they were read.
// The zero value is ready to use. It is not safe for concurrent use.
type Resources struct {
	Pods                  []*Pod
	Services              []*Service
	EndpointSlices        []*EndpointSlice
	Namespaces            []*Namespace
	ConfigMaps            []*ConfigMap
	ReplicaSets           []*Controller
	Jobs                  []*Controller
	Deployments           []*Controller
	StatefulSets          []*Controller
	DaemonSets            []*Controller
	CronJobs              []*Controller
	PeerAuthentications   []*PeerAuthentication
	DestinationRules      []*DestinationRule
	ServiceEntries        []*ServiceEntry
	WorkloadEntries       []*WorkloadEntry
	Sidecars              []*Sidecar
	VirtualServices       []*VirtualService
	Gateways              []*Gateway
	AuthorizationPolicies []*AuthorizationPolicy
	EnvoyFilters          []*EnvoyFilter

	RequestAuthentications []*RequestAuthentication
	ValidatingWebhooks     []*WebhookConfiguration
	MutatingWebhooks       []*WebhookConfiguration
	APIServices            []*APIService
	Ingresses              []*Ingress
	IngressClasses         []*IngressClass
	HTTPRoutes             []*Route
	GRPCRoutes             []*Route
	TLSRoutes              []*Route
	TCPRoutes              []*Route
	BackendTLSPolicies     []*BackendTLSPolicy
	ServiceMonitors        []*Monitor
	PodMonitors            []*Monitor

	read map[string]bool
}

// Kind is one kind of resource that Resources can hold.
type Kind struct {
	Name   string // "DestinationRule"
	Plural string // "destinationrules"
	Group  string // "networking.istio.io", "core" for the legacy group
	// Clustered resources lie in no namespace.
	Clustered bool
	// Optional kinds are in no capture that was made before they were read: that one is missing is no
	// gap there, and what needs it says so.
	Optional bool
	// AddOn kinds, which are Optional too, belong to a project that many clusters do not have, or only add to what is
	// told of others: that a cluster does not serve them, or that the user may not list them, is no gap either.
	AddOn bool
	add   func(*Resources, []byte) error
}

// ID is the name that bundles use, "destinationrules.networking.istio.io" or "pods.core".
func (k Kind) ID() string { return k.Plural + "." + k.Group }

// Kinds lists every kind that is read, in the order in which it is listed.
func Kinds() []Kind { return slices.Clone(kinds) }

var kinds = []Kind{
	{Name: "Namespace", Plural: "namespaces", Group: "core", Clustered: true, add: adder(func(r *Resources) *[]*Namespace { return &r.Namespaces })},
	{Name: "Pod", Plural: "pods", Group: "core", add: adder(func(r *Resources) *[]*Pod { return &r.Pods })},
	{Name: "Service", Plural: "services", Group: "core", add: adder(func(r *Resources) *[]*Service { return &r.Services })},
	{Name: "EndpointSlice", Plural: "endpointslices", Group: "discovery.k8s.io", add: adder(func(r *Resources) *[]*EndpointSlice { return &r.EndpointSlices })},
	{Name: "ConfigMap", Plural: "configmaps", Group: "core", add: adder(func(r *Resources) *[]*ConfigMap { return &r.ConfigMaps })},
	{Name: "ReplicaSet", Plural: "replicasets", Group: "apps", add: adder(func(r *Resources) *[]*Controller { return &r.ReplicaSets })},
	{Name: "Job", Plural: "jobs", Group: "batch", add: adder(func(r *Resources) *[]*Controller { return &r.Jobs })},
	{Name: "PeerAuthentication", Plural: "peerauthentications", Group: "security.istio.io", add: adder(func(r *Resources) *[]*PeerAuthentication { return &r.PeerAuthentications })},
	{Name: "DestinationRule", Plural: "destinationrules", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*DestinationRule { return &r.DestinationRules })},
	{Name: "ServiceEntry", Plural: "serviceentries", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*ServiceEntry { return &r.ServiceEntries })},
	{Name: "WorkloadEntry", Plural: "workloadentries", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*WorkloadEntry { return &r.WorkloadEntries })},
	{Name: "Sidecar", Plural: "sidecars", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*Sidecar { return &r.Sidecars })},
	{Name: "VirtualService", Plural: "virtualservices", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*VirtualService { return &r.VirtualServices })},
	{Name: "Gateway", Plural: "gateways", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*Gateway { return &r.Gateways })},
	{Name: "AuthorizationPolicy", Plural: "authorizationpolicies", Group: "security.istio.io", add: adder(func(r *Resources) *[]*AuthorizationPolicy { return &r.AuthorizationPolicies })},
	{Name: "EnvoyFilter", Plural: "envoyfilters", Group: "networking.istio.io", add: adder(func(r *Resources) *[]*EnvoyFilter { return &r.EnvoyFilters })},
	{Name: "RequestAuthentication", Plural: "requestauthentications", Group: "security.istio.io", Optional: true, add: adder(func(r *Resources) *[]*RequestAuthentication { return &r.RequestAuthentications })},
	{
		Name: "ValidatingWebhookConfiguration", Plural: "validatingwebhookconfigurations", Group: "admissionregistration.k8s.io", Clustered: true, Optional: true,
		add: adder(func(r *Resources) *[]*WebhookConfiguration { return &r.ValidatingWebhooks }),
	},
	{
		Name: "MutatingWebhookConfiguration", Plural: "mutatingwebhookconfigurations", Group: "admissionregistration.k8s.io", Clustered: true, Optional: true,
		add: adder(func(r *Resources) *[]*WebhookConfiguration { return &r.MutatingWebhooks }),
	},
	{Name: "APIService", Plural: "apiservices", Group: "apiregistration.k8s.io", Clustered: true, Optional: true, add: adder(func(r *Resources) *[]*APIService { return &r.APIServices })},
	{Name: "Ingress", Plural: "ingresses", Group: "networking.k8s.io", Optional: true, add: adder(func(r *Resources) *[]*Ingress { return &r.Ingresses })},
	addOn("Deployment", "deployments", "apps", adder(func(r *Resources) *[]*Controller { return &r.Deployments })),
	addOn("StatefulSet", "statefulsets", "apps", adder(func(r *Resources) *[]*Controller { return &r.StatefulSets })),
	addOn("DaemonSet", "daemonsets", "apps", adder(func(r *Resources) *[]*Controller { return &r.DaemonSets })),
	addOn("CronJob", "cronjobs", "batch", adder(func(r *Resources) *[]*Controller { return &r.CronJobs })),
	{
		Name: "IngressClass", Plural: "ingressclasses", Group: "networking.k8s.io", Clustered: true, Optional: true, AddOn: true,
		add: adder(func(r *Resources) *[]*IngressClass { return &r.IngressClasses }),
	},
	addOn("HTTPRoute", "httproutes", "gateway.networking.k8s.io", adder(func(r *Resources) *[]*Route { return &r.HTTPRoutes })),
	addOn("GRPCRoute", "grpcroutes", "gateway.networking.k8s.io", adder(func(r *Resources) *[]*Route { return &r.GRPCRoutes })),
	addOn("TLSRoute", "tlsroutes", "gateway.networking.k8s.io", adder(func(r *Resources) *[]*Route { return &r.TLSRoutes })),
	addOn("TCPRoute", "tcproutes", "gateway.networking.k8s.io", adder(func(r *Resources) *[]*Route { return &r.TCPRoutes })),
	addOn("BackendTLSPolicy", "backendtlspolicies", "gateway.networking.k8s.io", adder(func(r *Resources) *[]*BackendTLSPolicy { return &r.BackendTLSPolicies })),
	addOn("ServiceMonitor", "servicemonitors", "monitoring.coreos.com", adder(func(r *Resources) *[]*Monitor { return &r.ServiceMonitors })),
	addOn("PodMonitor", "podmonitors", "monitoring.coreos.com", adder(func(r *Resources) *[]*Monitor { return &r.PodMonitors })),
}

func addOn(name, plural, group string, add func(*Resources, []byte) error) Kind {
	return Kind{Name: name, Plural: plural, Group: group, Optional: true, AddOn: true, add: add}
}

func adder[T any](field func(*Resources) *[]*T) func(*Resources, []byte) error {
	return func(r *Resources, raw []byte) error {
		if string(raw) == "null" {
			return errors.New("an item is null")
		}
		v := new(T)
		if err := json.Unmarshal(raw, v); err != nil {
			return err
		}
		list := field(r)
		*list = append(*list, v)
		return nil
	}
}

// KindByID finds a kind by its ID, by plural.group without a group "core" (as kubectl prints
// it), or returns false for a kind that is not read.
func KindByID(id string) (Kind, bool) {
	for _, k := range kinds {
		if id == k.ID() || (k.Group == "core" && id == k.Plural) {
			return k, true
		}
	}
	return Kind{}, false
}

// KindNamed finds a kind by its name, which no two of them share, or returns false for a kind that is not read.
func KindNamed(name string) (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// GroupOf is the group of an apiVersion: "apps" of "apps/v1", "core" of "v1".
func GroupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return "core"
	}
	return group
}

// HasRead reports whether a list of that kind (by ID) was read, even an empty one.
// Only then does the absence of a resource mean anything.
func (r *Resources) HasRead(id string) bool { return r.read[id] }

// MarkRead records that the list of a kind (by ID) was read completely.
func (r *Resources) MarkRead(id string) {
	if r.read == nil {
		r.read = map[string]bool{}
	}
	r.read[id] = true
}

// AddObject adds one resource in JSON that names its own kind. Kinds that are not read are
// ignored; for them and only for them it returns false without an error.
func (r *Resources) AddObject(raw []byte) (bool, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return false, err
	}
	group := GroupOf(head.APIVersion)
	for _, k := range kinds {
		if k.Name == head.Kind && k.Group == group {
			return true, k.add(r, raw)
		}
	}
	return false, nil
}

// AddList reads one page of a list of that kind in the API server's JSON, as a stream, and
// returns its continue token. What was read before an error stays.
func (r *Resources) AddList(k Kind, in io.Reader) (next string, err error) {
	d := jsontext.NewDecoder(bufio.NewReaderSize(in, 64<<10), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := expect(d, '{'); err != nil {
		return "", fmt.Errorf("list of %s: %w", k.Plural, err)
	}
	items := false
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err == nil {
			items = items || name.String() == "items"
			err = r.addMember(k, name.String(), d, &next)
		}
		if err != nil {
			return "", fmt.Errorf("list of %s: %w", k.Plural, err)
		}
	}
	if err := expect(d, '}'); err != nil {
		return "", fmt.Errorf("list of %s: %w", k.Plural, err)
	}
	if !items {
		return "", fmt.Errorf("list of %s: no items", k.Plural)
	}
	return next, nil
}

// addMember reads one member of a list.
func (r *Resources) addMember(k Kind, name string, d *jsontext.Decoder, next *string) error {
	switch name {
	case "items":
		return r.addItems(k, d)
	case "metadata":
		var m struct {
			Continue string `json:"continue"`
		}
		err := json.UnmarshalDecode(d, &m)
		*next = m.Continue
		return err
	}
	return d.SkipValue()
}

func (r *Resources) addItems(k Kind, d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if err := expect(d, '['); err != nil {
		return err
	}
	var bad error
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := k.add(r, raw); err != nil && bad == nil {
			bad = err
		}
	}
	_, err := d.ReadToken()
	return errors.Join(bad, err)
}

func expect(d *jsontext.Decoder, kind jsontext.Kind) error {
	tok, err := d.ReadToken()
	switch {
	case err != nil:
		return err
	case tok.Kind() != kind:
		return fmt.Errorf("expected %q, found %q", rune(kind), rune(tok.Kind()))
	}
	return nil
}
