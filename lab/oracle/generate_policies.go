package oracle

import (
	"fmt"
	"strings"
)

func (g *generator) peerAuthentications() {
	for n := range g.upTo(4) {
		spec := fields{}
		if g.chance(85) {
			spec["mtls"] = fields{"mode": pick(g, "STRICT", "PERMISSIVE", "DISABLE", "UNSET")}
		}
		if g.chance(5) {
			spec["mtls"] = fields{}
		}
		if g.chance(45) {
			spec["selector"] = g.matchLabels()
		}
		if g.chance(45) {
			ports := fields{}
			for range 1 + g.upTo(1) {
				p := pick(g, "8080", "8443", "9000", "7000", "3306", "8000", "80", "1234")
				ports[p] = fields{"mode": pick(g, "STRICT", "PERMISSIVE", "DISABLE", "UNSET")}
			}
			spec["portLevelMtls"] = ports
		}
		ns := pick(g, "a", "a", "b", root)
		g.add("security.istio.io/v1", "PeerAuthentication", ns, fmt.Sprintf("pa-%d", n), fields{"spec": spec})
	}
}

func (g *generator) matchLabels() fields {
	return fields{"matchLabels": pick(g, fields{"app": "x"}, fields{"app": "y"}, fields{"app": "x", "version": "v1"}, fields{"version": "v2"}, fields{})}
}

// destinationRules often meet in namespace and host, so that istiod has to merge them.
func (g *generator) destinationRules() {
	ns, host := "", ""
	for n := range g.upTo(5) {
		if n == 0 || g.chance(65) {
			ns, host = pick(g, "a", "a", "b", root, "c"), g.ruleHost()
		}
		spec := fields{"host": host}
		if g.chance(80) {
			spec["trafficPolicy"] = g.trafficPolicy()
		}
		if g.chance(45) {
			spec["subsets"] = g.subsets()
		}
		if g.chance(35) {
			spec["exportTo"] = pick(g, []any{"."}, []any{"*"}, []any{"a"}, []any{"b"}, []any{"a", "b"}, []any{".", "b"}, []any{"c"})
		}
		if g.chance(12) {
			spec["workloadSelector"] = g.matchLabels()
		}
		g.add("networking.istio.io/v1", "DestinationRule", ns, fmt.Sprintf("dr-%d", n), fields{"spec": spec})
	}
}

// ruleHost names a destination, in one of the ways that people name it.
func (g *generator) ruleHost() string {
	host := pick(g, g.hosts...)
	first, rest, _ := strings.Cut(host, ".")
	switch g.rand.IntN(10) {
	case 0:
		return first // a short name; of the rule's own namespace, right or wrong
	case 1:
		return "*." + rest
	case 2:
		return pick(g, "*", "*.local", "*.svc.cluster.local", "*.example.com", "*.a.svc.cluster.local")
	case 3:
		return first + ".a" // no service's name: it is not completed
	}
	return host
}

func (g *generator) trafficPolicy() fields {
	tp := fields{}
	if g.chance(65) {
		tp["tls"] = g.clientTLS()
	}
	if g.chance(12) {
		tp["loadBalancer"] = fields{"simple": pick(g, "PASSTHROUGH", "ROUND_ROBIN")}
	}
	if g.chance(20) {
		tp["connectionPool"] = fields{"tcp": fields{"maxConnections": 10}}
	}
	if g.chance(40) {
		var list []any
		for range 1 + g.upTo(1) {
			entry := fields{"port": fields{"number": pick(g, servicePorts...).number}}
			if g.chance(60) {
				entry["tls"] = g.clientTLS()
			}
			if g.chance(15) {
				entry["loadBalancer"] = fields{"simple": pick(g, "PASSTHROUGH", "ROUND_ROBIN")}
			}
			list = append(list, entry)
		}
		tp["portLevelSettings"] = list
	}
	return tp
}

func (g *generator) clientTLS() fields {
	mode := pick(g, "DISABLE", "ISTIO_MUTUAL", "ISTIO_MUTUAL", "SIMPLE", "MUTUAL")
	tls := fields{"mode": mode}
	if g.chance(4) {
		delete(tls, "mode")
	}
	if mode == "MUTUAL" && g.chance(70) {
		tls["clientCertificate"], tls["privateKey"], tls["caCertificates"] = "/etc/certs/cert.pem", "/etc/certs/key.pem", "/etc/certs/root.pem"
	}
	if (mode == "SIMPLE" || mode == "MUTUAL") && g.chance(20) {
		tls["credentialName"] = pick(g, "secret", "configmap://roots")
	}
	if g.chance(20) {
		tls["sni"] = pick(g, "sni.example.com", "x.a.svc.cluster.local")
	}
	if g.chance(15) {
		tls["subjectAltNames"] = []any{pick(g, "spiffe://cluster.local/ns/a/sa/x", "spiffe://cluster.local/ns/wrong/sa/wrong")}
	}
	if g.chance(5) {
		tls["insecureSkipVerify"] = true
	}
	return tls
}

func (g *generator) subsets() []any {
	var out []any
	for _, name := range g.some("v1", "v2", "all") {
		s := fields{"name": name}
		if name != "all" {
			s["labels"] = fields{"version": name}
		}
		if g.chance(50) {
			s["trafficPolicy"] = g.trafficPolicy()
		}
		out = append(out, s)
	}
	return out
}

func (g *generator) sidecars() {
	for n := range g.upTo(2) {
		if g.chance(55) {
			continue
		}
		spec := fields{}
		if g.chance(40) {
			spec["workloadSelector"] = fields{"labels": fields{"app": pick(g, "x", "y")}}
		}
		if g.chance(85) {
			hosts := []any{}
			for _, h := range g.some("./*", "*/*", "b/*", "a/*", "*/"+pick(g, g.hosts...), "~/*", "istio-system/*") {
				hosts = append(hosts, h)
			}
			spec["egress"] = []any{fields{"hosts": hosts}}
		}
		if g.chance(35) {
			spec["ingress"] = g.ingress()
		}
		if g.chance(25) {
			spec["outboundTrafficPolicy"] = fields{"mode": pick(g, "REGISTRY_ONLY", "ALLOW_ANY")}
		}
		g.add("networking.istio.io/v1", "Sidecar", pick(g, "a", "b", root), fmt.Sprintf("sidecar-%d", n), fields{"spec": spec})
	}
}

func (g *generator) ingress() []any {
	ports := []fields{
		{"number": 8080, "name": "http", "protocol": "HTTP"},
		{"number": 9000, "name": "tcp", "protocol": "TCP"},
		{"number": 8443, "name": "https", "protocol": "HTTPS"},
		{"number": 7777, "name": "h2", "protocol": "HTTP2"},
	}
	p := pick(g, ports...)
	return []any{fields{"port": p, "defaultEndpoint": fmt.Sprintf("127.0.0.1:%d", p["number"])}}
}

// virtualServices send a host to a subset, to two of them, to another host, or answer themselves.
func (g *generator) virtualServices() {
	if !g.chance(30) {
		return
	}
	host := pick(g, g.hosts...)
	to := func() fields {
		d := fields{"host": host}
		if g.chance(25) {
			d["host"] = pick(g, g.hosts...)
		}
		if g.chance(60) {
			d["subset"] = pick(g, "v1", "v2", "all", "none")
		}
		return fields{"destination": d}
	}
	spec := fields{"hosts": []any{host}}
	route := fields{"route": []any{to()}}
	if g.chance(35) {
		one, two := to(), to()
		one["weight"], two["weight"] = 80, 20
		route["route"] = []any{one, two}
	}
	switch g.rand.IntN(4) {
	case 0:
		spec["tcp"] = []any{route}
	case 1:
		route["match"] = []any{fields{"port": pick(g, 443, 8443), "sniHosts": []any{host}}}
		spec["tls"] = []any{route}
	default:
		spec["http"] = []any{route}
	}
	if g.chance(20) {
		spec["exportTo"] = pick(g, []any{"."}, []any{"*"}, []any{"a"})
	}
	g.add("networking.istio.io/v1", "VirtualService", pick(g, "a", "b", root), "routes", fields{"spec": spec})
}
