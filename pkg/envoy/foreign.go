package envoy

import "github.com/go-json-experiment/json/jsontext"

// foreignMark is a member by which output of something else is recognised.
type foreignMark struct {
	kind jsontext.Kind // the kind of the member's value, 0 for any
	err  NotReadError
}

func (m foreignMark) fits(kind jsontext.Kind) bool { return m.kind == 0 || m.kind == kind }

const giveDump = "give the output of Envoy's /config_dump (kubectl exec POD -c istio-proxy -- pilot-agent request GET config_dump)"

// foreign are documents of other programs that users have at hand.
var foreign = map[string]foreignMark{
	"by_addr":      {0, ztunnelDump},
	"workload_ips": {0, ztunnelDump},
	"workloads":    {0, ztunnelDump},
	"connections":  {0, NotReadError{"connections of a ztunnel (istioctl ztunnel-config connections)", "they say who talks, not how the proxies are configured", giveDump}},

	"api_version": {'"', NotReadError{"a Kubernetes object or list", "it is not what a proxy told", giveDump}},

	"listener_configs": {0, NotReadError{"a Kmesh dump", "Kmesh moves traffic with eBPF, there is no Envoy configuration in it", "for sidecars and gateways " + giveDump}},
	"xds":              {'{', NotReadError{"a Kuma policy snapshot", "it is what a control plane would send, not what a proxy runs", giveDump}},
	"xds_config":       {0, csds}, "generic_xds_configs": {0, csds},
	"config":            {'[', csds},
	"listener_statuses": {0, NotReadError{"the output of /listeners", "it holds addresses only", giveDump}},
	"static_resources":  {'{', bootstrapFile},
	"ecds_filters":      {0, NotReadError{"a dump of ECDS filters", "HTTP filters alone say nothing about mutual TLS", giveDump}},
}

var ztunnelDump = NotReadError{
	"a ztunnel dump (ambient mode)", "ztunnel is not Envoy, this reader is for sidecars, gateways and waypoints", giveDump,
}

var bootstrapFile = NotReadError{"an Envoy bootstrap file", "it is what Envoy was started with, not what it runs", giveDump}

var csds = NotReadError{
	"a CSDS answer", "it is a client's view of its control plane, mostly gRPC's, and no proxy's configuration", giveDump,
}

// opaque are members that wrap no dump of ours.
var opaque = map[string]bool{
	"xds": true, "static_resources": true, "workloads": true, "by_addr": true,
	"metadata": true, "error": true, "hot_restart_version": true,
}
