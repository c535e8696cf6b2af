package oracle

import (
	"fmt"
	"slices"
)

// servicePort is a port with its ways to declare a protocol.
type servicePort struct {
	number, target     int
	name, app, network string
}

// servicePorts are the choice: each protocol, each way to declare it or not to.
var servicePorts = []servicePort{
	{80, 8080, "http", "", ""},
	{8080, 8080, "http-alt", "", ""},
	{81, 8080, "web", "", ""},         // sniffed
	{82, 8080, "tcp-same", "", ""},    // another protocol for the same container port
	{443, 8443, "https", "", ""},      //
	{8443, 8443, "tls-own", "", ""},   //
	{9000, 9000, "tcp", "", ""},       //
	{7000, 7000, "grpc", "", ""},      //
	{7001, 7001, "http2", "", ""},     //
	{7002, 7002, "grpc-web", "", ""},  //
	{3306, 3306, "db", "", ""},        // a well-known port of a protocol where servers speak first
	{3307, 3306, "mysql", "", ""},     //
	{27017, 27017, "mongo", "", ""},   //
	{6379, 6379, "redis-x", "", ""},   //
	{8000, 8000, "", "", ""},          // unnamed
	{8001, 8001, "x", "http", ""},     // appProtocol
	{8002, 8002, "http", "tcp", ""},   // it beats the name
	{8003, 8003, "http-z", "own", ""}, // and hides it also when nobody knows it
	{8004, 8004, "h2c", "kubernetes.io/h2c", ""},
	{8005, 8005, "wss", "kubernetes.io/wss", ""},
	{53, 53, "dns", "", "UDP"},
}

func (p servicePort) object() fields {
	f := fields{"port": p.number, "targetPort": p.target, "protocol": "TCP"}
	if p.name != "" {
		f["name"] = p.name
	}
	if p.app != "" {
		f["appProtocol"] = p.app
	}
	if p.network != "" {
		f["protocol"] = p.network
	}
	return f
}

// portSet is one to four ports; an unnamed one stands alone.
func (g *generator) portSet() []servicePort {
	var out []servicePort
	for range 1 + g.upTo(3) {
		p := pick(g, servicePorts...)
		taken := slices.ContainsFunc(out, func(o servicePort) bool { return o.number == p.number || o.name == p.name })
		switch {
		case p.name == "" && len(out) == 0:
			return []servicePort{p}
		case p.name == "" || taken:
		default:
			out = append(out, p)
		}
	}
	return out
}

func (g *generator) services() {
	for n := range 2 + g.upTo(2) {
		ns := pick(g, "a", "a", "b")
		app := pick(g, "x", "x", "y")
		name := app
		if n > 0 {
			name = fmt.Sprintf("%s%d", app, n)
		}
		g.service(ns, name, app, n)
	}
}

func (g *generator) service(ns, name, app string, n int) {
	ports := g.portSet()
	spec := fields{"type": "ClusterIP", "clusterIP": fmt.Sprintf("10.96.0.%d", n+1)}
	list := []any{}
	for _, p := range ports {
		list = append(list, p.object())
	}
	spec["ports"] = list
	spec["selector"] = fields{"app": app}
	annotations := fields{}
	switch {
	case g.chance(18):
		spec["clusterIP"] = "None"
	case g.chance(6):
		delete(spec, "selector")
		delete(spec, "clusterIP")
		spec["type"], spec["externalName"] = "ExternalName", pick(g, "ext.example.com", "x.a.svc.cluster.local")
	}
	if g.chance(8) {
		annotations["networking.istio.io/exportTo"] = pick(g, ".", "*", "a", "~")
	}
	o := g.add("v1", "Service", ns, name, fields{"spec": spec})
	o["metadata"].(fields)["annotations"] = annotations
	g.hosts = append(g.hosts, name+"."+ns+".svc.cluster.local")
	if spec["selector"] != nil {
		g.slice(ns, name, app, ports)
	}
}

// slice is what the endpoint controller would write.
func (g *generator) slice(ns, service, app string, ports []servicePort) {
	list, endpoints := []any{}, []any{}
	for _, p := range ports {
		f := p.object()
		f["port"] = p.target
		delete(f, "targetPort")
		if f["name"] == nil {
			f["name"] = ""
		}
		list = append(list, f)
	}
	for _, p := range g.pods {
		if p.namespace == ns && p.app == app {
			endpoints = append(endpoints, fields{
				"addresses": []any{p.ip}, "conditions": fields{"ready": p.ready},
				"targetRef": fields{"kind": "Pod", "namespace": ns, "name": p.name},
			})
		}
	}
	o := g.add("discovery.k8s.io/v1", "EndpointSlice", ns, service+"-1", fields{"addressType": "IPv4", "endpoints": endpoints, "ports": list})
	o["metadata"].(fields)["labels"] = fields{"kubernetes.io/service-name": service}
}

func (g *generator) serviceEntries() {
	for n := range g.upTo(2) {
		ns := pick(g, "a", "b", root)
		host := pick(g, "ext.example.com", "api.example.com", "db.internal", "*.example.com")
		spec := fields{
			"hosts": []any{host}, "ports": g.entryPorts(),
			"location":   pick(g, "MESH_INTERNAL", "MESH_EXTERNAL"),
			"resolution": pick(g, "STATIC", "DNS", "NONE"),
		}
		if g.chance(50) {
			spec["addresses"] = []any{pick(g, fmt.Sprintf("10.97.0.%d", n+1), "10.98.0.0/16")}
		}
		g.entryEndpoints(spec)
		if g.chance(20) {
			spec["exportTo"] = pick(g, []any{"."}, []any{"*"}, []any{"a"}, []any{".", "b"})
		}
		if g.chance(10) {
			spec["subjectAltNames"] = []any{"spiffe://cluster.local/ns/a/sa/x"}
		}
		g.add("networking.istio.io/v1", "ServiceEntry", ns, fmt.Sprintf("entry-%d", n), fields{"spec": spec})
		g.hosts = append(g.hosts, host)
	}
}

func (g *generator) entryPorts() []any {
	ports := []fields{
		{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080},
		{"number": 443, "name": "https", "protocol": "HTTPS", "targetPort": 8443},
		{"number": 444, "name": "tls", "protocol": "TLS"},
		{"number": 9000, "name": "tcp", "protocol": "TCP"},
		{"number": 7000, "name": "grpc", "protocol": "GRPC"},
		{"number": 7001, "name": "h2", "protocol": "HTTP2"},
		{"number": 27017, "name": "mongo", "protocol": "MONGO"},
	}
	first := g.rand.IntN(len(ports))
	out := []any{ports[first]}
	if second := g.rand.IntN(len(ports)); second != first && g.chance(40) {
		out = append(out, ports[second])
	}
	return out
}

// entryEndpoints are pods, addresses outside, names, or those that a selector selects.
func (g *generator) entryEndpoints(spec fields) {
	switch {
	case spec["resolution"] == "NONE":
	case spec["resolution"] == "STATIC" && g.chance(40) && spec["location"] == "MESH_INTERNAL":
		spec["workloadSelector"] = fields{"labels": fields{"app": pick(g, "x", "y")}}
	case spec["resolution"] == "DNS" && g.chance(60) && spec["hosts"].([]any)[0] != "*.example.com":
	default:
		var list []any
		for range 1 + g.upTo(1) {
			list = append(list, g.entryEndpoint(spec["resolution"] == "DNS"))
		}
		spec["endpoints"] = list
	}
}

func (g *generator) entryEndpoint(dns bool) fields {
	e := fields{"address": pick(g, "192.0.2.10", "192.0.2.11", pick(g, g.pods...).ip)}
	if dns && g.chance(60) {
		e["address"] = pick(g, "one.example.net", "two.example.net")
	}
	if g.chance(40) {
		e["labels"] = fields{"version": pick(g, "v1", "v2"), "security.istio.io/tlsMode": pick(g, "istio", "disabled")}
	}
	if g.chance(15) {
		e["serviceAccount"] = "x"
	}
	return e
}
