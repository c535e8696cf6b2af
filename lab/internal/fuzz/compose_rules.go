package fuzz

import "strings"

func (c *composer) destinationRules() {
	if c.has(ruleHost) {
		c.destinationRule(c.place(c.value(rulePlace)), "rule-1", c.rule())
	}
	disable := fields{"tls": fields{"mode": "DISABLE"}}
	switch c.value(secondRule) {
	case "merged":
		part := c.subset()
		part["trafficPolicy"] = fields{"tls": fields{"mode": "ISTIO_MUTUAL"}}
		c.destinationRule(c.to.namespace, "rule-2", fields{"host": c.to.host, "trafficPolicy": disable, "subsets": []any{part}})
	case "wildcard":
		c.destinationRule(c.to.namespace, "rule-2", fields{"host": c.wildcard(), "trafficPolicy": fields{"tls": fields{"mode": "ISTIO_MUTUAL"}}})
	case "client":
		c.destinationRule(clientNS, "rule-2", fields{"host": c.to.host, "trafficPolicy": disable})
	case "root":
		c.destinationRule(root, "rule-2", fields{"host": "*", "trafficPolicy": disable})
	}
}

func (c *composer) destinationRule(namespace, name string, spec fields) {
	c.manifest(networking, "DestinationRule", namespace, name, spec)
}

// place is the namespace of a rule or a route.
func (c *composer) place(where string) string {
	switch where {
	case "client":
		return clientNS
	case "root":
		return root
	}
	return c.to.namespace
}

// wildcard is the target's host without its first part.
func (c *composer) wildcard() string {
	_, rest, _ := strings.Cut(c.to.host, ".")
	return "*." + rest
}

func (c *composer) rule() fields {
	spec := fields{}
	switch c.value(ruleHost) {
	case "name":
		spec["host"] = c.to.host
	case "short":
		spec["host"] = c.to.name
	case "namespace":
		spec["host"] = c.wildcard()
	case "mesh":
		spec["host"] = "*" + c.to.host[strings.LastIndex(c.to.host, "."):]
	}
	if policy := c.trafficPolicy(); len(policy) > 0 {
		spec["trafficPolicy"] = policy
	}
	if c.has(subset) {
		spec["subsets"] = []any{c.subset()}
	}
	if c.has(ruleExport) {
		spec["exportTo"] = []any{c.value(ruleExport)}
	}
	if c.has(ruleSelector) {
		spec["workloadSelector"] = fields{"matchLabels": fields{"app": c.value(ruleSelector)}}
	}
	return spec
}

func (c *composer) trafficPolicy() fields {
	policy := fields{}
	if c.has(tlsMode) {
		policy["tls"] = c.tls()
	}
	if c.has(balancer) {
		policy["loadBalancer"] = fields{"simple": c.value(balancer)}
	}
	switch mode := c.value(portLevel); mode {
	case absent:
	case "without tls":
		policy["portLevelSettings"] = c.portSettings(fields{"connectionPool": fields{"tcp": fields{"maxConnections": 100}}})
	default:
		policy["portLevelSettings"] = c.portSettings(fields{"tls": fields{"mode": mode}})
	}
	return policy
}

func (c *composer) portSettings(settings fields) []any {
	settings["port"] = fields{"number": c.servicePort()}
	return []any{settings}
}

// certificates is where the proxies of clients write theirs, for rules of mode MUTUAL to name.
const certificates = "/var/lib/istio/data"

func (c *composer) tls() fields {
	tls := fields{"mode": c.value(tlsMode)}
	switch c.value(tlsMode) {
	case "unset":
		delete(tls, "mode")
	case "MUTUAL":
		folder := certificates
		if c.value(tlsDetail) == "missing file" {
			folder = "/etc/none"
		}
		tls["clientCertificate"], tls["privateKey"] = folder+"/cert-chain.pem", folder+"/key.pem"
		for _, w := range []string{"shop/client", "shop/server", "pay/client"} {
			c.proxyMetadata(w, "OUTPUT_CERTS", certificates)
		}
	}
	const identity = "spiffe://cluster.local/ns/"
	switch c.value(tlsDetail) {
	case "right SAN":
		tls["subjectAltNames"] = []any{identity + c.podNamespace() + "/sa/" + c.to.app}
	case "wrong SAN":
		tls["subjectAltNames"] = []any{identity + "other/sa/other"}
	case "SNI":
		tls["sni"] = "other.example"
	case "unverified":
		tls["insecureSkipVerify"] = true
	case "root file":
		tls["caCertificates"] = "/var/run/secrets/istio/root-cert.pem"
	case "missing file":
		tls["caCertificates"] = "/etc/none/ca.pem"
	}
	return tls
}

const part = "part" // the name of the subset

func (c *composer) subset() fields {
	s := fields{"name": part, "labels": c.to.part}
	switch mode := c.value(subset); mode {
	case "DISABLE", "ISTIO_MUTUAL":
		s["trafficPolicy"] = fields{"tls": fields{"mode": mode}}
	case "port DISABLE":
		s["trafficPolicy"] = fields{"portLevelSettings": c.portSettings(fields{"tls": fields{"mode": "DISABLE"}})}
	case "everybody":
		delete(s, "labels")
	}
	return s
}
