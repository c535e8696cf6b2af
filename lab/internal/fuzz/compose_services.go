package fuzz

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/scenario"
)

func (c *composer) virtualService() {
	if !c.has(route) {
		return
	}
	here := fields{"host": c.to.host, "subset": part}
	there := fields{"host": "api.pay.svc.cluster.local", "port": fields{"number": 80}}
	if c.to.name == "api" {
		there["host"] = "server.shop.svc.cluster.local"
	}
	spec := fields{"hosts": []any{c.to.host}}
	http := func(routes ...any) { spec["http"] = []any{fields{"route": routes}} }
	switch c.value(route) {
	case "subset":
		http(fields{"destination": here})
	case "other":
		http(fields{"destination": there})
	case "split":
		http(fields{"destination": here, "weight": 50}, fields{"destination": there, "weight": 50})
	case "no subset":
		http(fields{"destination": fields{"host": c.to.host, "subset": "none"}})
	case "tcp":
		spec["tcp"] = []any{fields{"match": []any{fields{"port": c.to.tcp.number}}, "route": []any{fields{"destination": here}}}}
	case "tls":
		match := fields{"port": c.to.https.number, "sniHosts": []any{c.to.host}}
		spec["tls"] = []any{fields{"match": []any{match}, "route": []any{fields{"destination": here}}}}
	}
	if c.value(routePlace) == "own namespace" {
		spec["exportTo"] = []any{"."}
	}
	c.manifest(networking, "VirtualService", c.place(c.value(routePlace)), "route", spec)
}

// service is the target's Service, changed.
func (c *composer) service() {
	if !c.has(visibility) && !c.has(protocol) {
		return
	}
	o := c.find("Service", c.to.namespace, c.to.name)
	if c.has(visibility) {
		o.SetAnnotations(map[string]string{"networking.istio.io/exportTo": c.value(visibility)})
	}
	ports, _, _ := unstructured.NestedSlice(o.Object, "spec", "ports")
	switch http := ports[0].(fields); c.value(protocol) {
	case "sniffed":
		http["name"] = "web"
	case "appProtocol tcp":
		http["appProtocol"] = "tcp"
	}
	o.Object["spec"].(fields)["ports"] = ports
	c.items = append(c.items, Item{Manifest: o})
}

// find is a copy of one of the common objects.
func (c *composer) find(kind, namespace, name string) *unstructured.Unstructured {
	for _, o := range c.common {
		if o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name {
			return o.DeepCopy()
		}
	}
	panic("no " + kind + " " + namespace + "/" + name + " among the common objects") // a test composes with all targets
}

const (
	entryHost    = "entry.example"
	entryAddress = "240.240.2.1"
)

// entryService is the entry as a target.
func (c *composer) entryService() service {
	s := services()["server"]
	switch c.value(entry) {
	case "external", "name":
		s = services()["naked"]
	case "pod address": // its ports are the pod's
		s.http.number, s.https.number = s.http.target, s.https.target
	}
	s.namespace, s.name, s.host = "shop", "entry", entryHost
	return s
}

func (c *composer) serviceEntry() {
	if !c.has(entry) {
		return
	}
	s := c.entryService()
	spoken, numbers := "HTTP", s.http
	switch c.value(entryPort) {
	case "tcp":
		spoken, numbers = "TCP", s.tcp
	case "https":
		spoken, numbers = "TLS", s.https
	}
	p := fields{"number": numbers.number, "name": c.value(entryPort), "protocol": spoken, "targetPort": numbers.target}
	spec := fields{"hosts": []any{entryHost}, "addresses": []any{entryAddress}, "location": "MESH_INTERNAL", "resolution": "STATIC"}
	to := &scenario.Target{
		Host: entryHost, Address: entryAddress, Port: numbers.number, TargetPort: numbers.target,
		Protocol: c.value(entryPort), Endpoints: []string{s.workload}, ProxiedOnly: true,
	}
	endpoint := fields{"address": "$IP(" + s.workload + ")", "labels": fields{"app": s.app}}
	switch c.value(entry) {
	case "labelled":
		endpoint["labels"].(fields)["security.istio.io/tlsMode"] = "istio"
	case "selector":
		endpoint = nil
		spec["workloadSelector"] = fields{"labels": fields{"app": s.app}}
	case "pod address":
		endpoint, to.Address = nil, "$IP("+s.workload+")"
		spec["resolution"], spec["addresses"] = "NONE", []any{to.Address}
		delete(p, "targetPort")
	case "external":
		spec["location"] = "MESH_EXTERNAL"
	case "name":
		spec["location"], spec["resolution"] = "MESH_EXTERNAL", "DNS"
		endpoint["address"] = "naked.legacy.svc.cluster.local"
		delete(p, "targetPort")
	}
	if endpoint != nil {
		spec["endpoints"] = []any{endpoint}
	}
	spec["ports"] = []any{p}
	if c.has(entryExport) {
		spec["exportTo"] = []any{c.value(entryExport)}
	}
	c.manifest(networking, "ServiceEntry", "shop", "entry", spec)
	c.items[len(c.items)-1].Target = to
}
