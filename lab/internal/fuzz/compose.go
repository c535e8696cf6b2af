package fuzz

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	root     = "istio-system"
	clientNS = "pay" // the namespace of a client that most targets are not in
)

// service is what the features are about.
type service struct {
	namespace, name, host string
	workload              string // of its pods with a proxy, if any has one
	app                   string // their label, and their service account
	part                  fields // the labels of the subset
	http, tcp, https      portPair
}

// portPair is a service's port and its pods'.
type portPair struct{ number, target int }

// services are the targets, as workloads.yaml has them.
func services() map[string]service {
	usual := service{http: portPair{80, 8080}, tcp: portPair{9000, 9000}, https: portPair{443, 8443}}
	same := service{http: portPair{8080, 8080}, tcp: portPair{9000, 9000}}
	all := map[string]service{"server": usual, "naked": usual, "migration": usual, "api": usual, "hl": same, "hlmix": same, "multi": same}
	for name, s := range all {
		s.namespace, s.name, s.app, s.workload, s.part = "shop", name, name, name, fields{"app": name}
		switch name {
		case "naked":
			s.namespace = "legacy"
		case "api":
			s.namespace, s.https = "pay", portPair{}
		case "multi":
			s.tcp, s.https = portPair{9001, 9001}, portPair{8081, 8081}
		case "migration":
			s.workload, s.part = "migration-vistio", fields{"version": "vistio"}
		case "hlmix":
			s.workload, s.part = "hlmix-in", fields{"version": "in"}
		}
		s.workload = s.namespace + "/" + s.workload
		s.host = fmt.Sprintf("%s.%s.svc.cluster.local", name, s.namespace)
		all[name] = s
	}
	return all
}

type fields = map[string]any

// composer makes the items of one row.
type composer struct {
	Row
	to       service
	common   []*unstructured.Unstructured
	items    []Item
	metadata map[string]fields // of proxies, by workload
}

// Compose makes the mesh of a row beside the common objects, which it does not change.
func Compose(name string, r Row, common []*unstructured.Unstructured) Case {
	c := composer{Row: r, common: common, metadata: map[string]fields{}}
	c.to = services()[r.value(target)]
	if r.value(target) == "entry" {
		c.to = c.entryService()
	}
	c.peerAuthentications()
	c.authorizationPolicy()
	c.destinationRules()
	c.virtualService()
	c.sidecar()
	c.service()
	c.serviceEntry()
	c.settings()
	return Case{Name: name, About: r.String(), Items: c.items, Fresh: r.has(twin) || r.has(secondRule) || r.value(tlsMode) == "MUTUAL" || r.value(tlsDetail) == "missing file"}
}

func (c *composer) manifest(apiVersion, kind, namespace, name string, spec fields) {
	o := &unstructured.Unstructured{Object: fields{
		"apiVersion": apiVersion, "kind": kind, "metadata": fields{"name": name, "namespace": namespace}, "spec": spec,
	}}
	c.items = append(c.items, Item{Manifest: plain(o)})
}

// plain has the types only that JSON gives, as an object from a server has.
func plain(o *unstructured.Unstructured) *unstructured.Unstructured {
	text, err := json.Marshal(o.Object)
	if err != nil {
		panic(err) // maps, lists, strings and numbers
	}
	made := &unstructured.Unstructured{}
	if err := made.UnmarshalJSON(text); err != nil {
		panic(err)
	}
	return made
}

func (c *composer) set(kind settingKind, workload, key string, value any) {
	c.items = append(c.items, Item{Setting: Setting{Kind: kind, Workload: workload, Key: key, Value: value}})
}

func (c *composer) settings() {
	switch c.value(meshConfig) {
	case "no auto mTLS":
		c.set(ofMesh, "", "enableAutoMtls", false)
	case "TLS 1.3":
		c.set(ofMesh, "", "meshMTLS", fields{"minProtocolVersion": "TLSV1_3"})
	case "registry only":
		c.set(ofMesh, "", "outboundTrafficPolicy", fields{"mode": "REGISTRY_ONLY"})
	case "any by name":
		c.set(ofMesh, "", "outboundTrafficPolicy", fields{"mode": "ALLOW_ANY_DYNAMIC_DNS"})
	case "rules private":
		c.set(ofMesh, "", "defaultDestinationRuleExportTo", []any{"."})
	}
	c.captures()
	switch c.value(label) {
	case "lies":
		mark := "disabled"
		if c.to.name == "naked" {
			mark = "istio"
		}
		c.set(podLabel, c.to.workload, "security.istio.io/tlsMode", mark)
	case "not injected":
		c.set(podLabel, c.to.workload, "sidecar.istio.io/inject", "false")
	}
	for _, w := range slices.Sorted(maps.Keys(c.metadata)) {
		text, err := json.Marshal(fields{"proxyMetadata": c.metadata[w]})
		if err != nil {
			panic(err) // strings
		}
		c.set(annotation, w, "proxy.istio.io/config", string(text))
	}
}

const sidecarTraffic = "traffic.sidecar.istio.io/"

func (c *composer) captures() {
	switch c.value(capture) {
	case "port excluded":
		c.set(annotation, c.to.workload, sidecarTraffic+"excludeInboundPorts", c.to.http.target)
	case "others included":
		c.set(annotation, c.to.workload, sidecarTraffic+"includeInboundPorts", c.to.tcp.target)
	case "client excludes":
		c.set(annotation, "shop/client", sidecarTraffic+"excludeOutboundPorts", c.to.http.number)
	case "foreign":
		c.foreign(c.to.workload, "24h")
	case "expired":
		c.foreign(c.to.workload, "-1h")
	case "client foreign":
		c.foreign("pay/client", "24h")
	}
}

// foreign gives the workload's proxy certificates of an authority of its own; it still has to
// trust istiod's.
func (c *composer) foreign(workload, lifetime string) {
	c.set(annotation, workload, "lab.mtls-doctor/foreign-ca", lifetime)
	c.proxyMetadata(workload, "XDS_ROOT_CA", "./var/run/secrets/istio/root-cert.pem")
}

func (c *composer) proxyMetadata(workload, key, value string) {
	c.metadata[workload] = with(c.metadata[workload], key, any(value))
}
