package fuzz

import "strconv"

const (
	security   = "security.istio.io/v1"
	networking = "networking.istio.io/v1"
)

func (c *composer) peerAuthentications() {
	policy := func(namespace, name string, spec fields) {
		c.manifest(security, "PeerAuthentication", namespace, name, spec)
	}
	if c.has(meshMode) {
		policy(root, "default", mtls(c.value(meshMode)))
	}
	if c.has(namespaceMode) {
		policy(c.podNamespace(), "default", mtls(c.value(namespaceMode)))
	}
	if c.has(workloadMode) || c.has(portMode) {
		spec := fields{}
		if c.has(workloadMode) {
			spec = mtls(c.value(workloadMode))
		}
		spec["selector"] = c.matchLabels()
		if c.has(portMode) {
			spec["portLevelMtls"] = fields{strconv.Itoa(c.containerPort()): fields{"mode": c.value(portMode)}}
		}
		policy(c.podNamespace(), "workload-1", spec)
	}
	switch mode := c.value(twin); mode {
	case "STRICT", "DISABLE":
		spec := mtls(mode)
		spec["selector"] = c.matchLabels()
		policy(c.podNamespace(), "workload-2", spec)
	case "root":
		spec := mtls("DISABLE")
		spec["selector"] = c.matchLabels()
		policy(root, "workload", spec)
	}
}

func mtls(mode string) fields { return fields{"mtls": fields{"mode": mode}} }

func (c *composer) matchLabels() fields { return fields{"matchLabels": fields{"app": c.to.app}} }

// podNamespace is that of the target's pods; an entry can lie elsewhere.
func (c *composer) podNamespace() string {
	if c.to.app == "naked" {
		return "legacy"
	}
	return c.to.namespace
}

// containerPort is what a PeerAuthentication has to name, or the mistake that people make.
func (c *composer) containerPort() int {
	switch c.value(port) {
	case "tcp":
		return c.to.tcp.target
	case "https":
		return c.to.https.target
	case "mistaken":
		return c.to.http.number
	}
	return c.to.http.target
}

// servicePort is what a DestinationRule has to name, or the mistake that people make.
func (c *composer) servicePort() int {
	switch c.value(port) {
	case "tcp":
		return c.to.tcp.number
	case "https":
		return c.to.https.number
	case "mistaken":
		return c.to.http.target
	}
	return c.to.http.number
}

func (c *composer) authorizationPolicy() {
	policy := func(action string, rules ...any) {
		spec := fields{"selector": c.matchLabels(), "action": action}
		if len(rules) > 0 {
			spec["rules"] = rules
		}
		c.manifest(security, "AuthorizationPolicy", c.podNamespace(), "workload", spec)
	}
	from := func(source fields) fields { return fields{"from": []any{fields{"source": source}}} }
	const client = "cluster.local/ns/shop/sa/client"
	switch c.value(authorization) {
	case "anybody known":
		policy("ALLOW", from(fields{"principals": []any{"*"}}))
	case "client":
		policy("ALLOW", from(fields{"principals": []any{client}}))
	case "account":
		policy("ALLOW", from(fields{"serviceAccounts": []any{"shop/client", "pay/client"}}))
	case "namespace":
		policy("ALLOW", from(fields{"namespaces": []any{"pay"}}))
	case "addresses": // of some of the pods
		policy("ALLOW", from(fields{"ipBlocks": []any{"10.244.0.0/28"}}))
	case "nobody":
		policy("ALLOW")
	case "nobody unknown":
		policy("DENY", from(fields{"notPrincipals": []any{"*"}}))
	case "not the client":
		policy("DENY", from(fields{"principals": []any{"*/sa/client"}}))
	case "other namespaces":
		policy("DENY", from(fields{"notNamespaces": []any{"shop"}}))
	case "ports":
		policy("DENY", fields{"to": []any{fields{"operation": fields{"ports": []any{strconv.Itoa(c.to.http.target)}}}}})
	case "other ports":
		rule := from(fields{"principals": []any{"*"}})
		rule["to"] = []any{fields{"operation": fields{"notPorts": []any{strconv.Itoa(c.to.tcp.target)}}}}
		policy("ALLOW", rule)
	case "dry run":
		policy("ALLOW", from(fields{"principals": []any{client}}))
		c.items[len(c.items)-1].Manifest.SetAnnotations(map[string]string{"istio.io/dry-run": "true"})
	}
}

func (c *composer) sidecar() {
	if !c.has(sidecar) {
		return
	}
	spec := fields{}
	egress := func(hosts ...any) { spec["egress"] = []any{fields{"hosts": hosts}} }
	switch c.value(sidecar) {
	case "own namespace":
		egress("./*")
	case "everything":
		egress("*/*")
	case "target":
		egress("*/" + c.to.host)
	case "others":
		egress("legacy/*", "istio-system/*")
	case "nothing":
		egress("~/*")
	case "ingress":
		spec["ingress"] = []any{fields{
			"port":            fields{"number": c.to.http.target, "name": "http", "protocol": "HTTP"},
			"defaultEndpoint": "127.0.0.1:" + strconv.Itoa(c.to.http.target),
		}}
	case "registry only":
		egress("./*")
		spec["outboundTrafficPolicy"] = fields{"mode": "REGISTRY_ONLY"}
	}
	namespace, app := clientNS, "client"
	switch c.value(sidecarPlace) {
	case "client namespace":
		app = ""
	case "target":
		namespace, app = c.podNamespace(), c.to.app
	case "root":
		namespace, app = root, ""
	}
	if app != "" {
		spec["workloadSelector"] = fields{"labels": fields{"app": app}}
	}
	c.manifest(networking, "Sidecar", namespace, "sidecar", spec)
}
