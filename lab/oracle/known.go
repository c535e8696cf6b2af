package oracle

import (
	"slices"
	"strings"
)

// Known is a difference between the product and the simulation that was judged. Its fixture in
// testdata/known must show it: one that is gone fails the test until its entry is removed.
type Known struct {
	Name  string
	Wrong string // who is wrong: product or simulation
	Why   string
	// settle removes the difference from the ways of one destination.
	settle func(d destination, product, simulated []Way) ([]Way, []Way)
}

// destination is what the ways of a comparison lead to.
type destination struct {
	*Istiod
	client *Proxy // nil without a proxy
	host   string
	entry  bool // the host is a ServiceEntry's
}

// KnownDifferences lists them all.
func KnownDifferences() []Known {
	return []Known{
		{
			"tcp-at-http-chain", "product",
			"a container port that two services declare has one inbound protocol; Envoy's HTTP connection manager answers 400 to what is not HTTP. The replay takes the client's word for the protocol on both sides",
			tcpAtHTTP,
		},
		{
			"entry-endpoints", "product",
			"a client without a proxy, or whose proxy passes the connection through, does not reach a ServiceEntry's endpoints: only proxies know them. The replay takes DNS to lead there (assumption dns-as-registered)",
			entryEndpoints,
		},
		{
			"two-entries", "product",
			"where two ServiceEntries declare one name, DNS alone decides to which address it resolves. The replay takes a listener of the proxy for it (assumption dns-as-registered), or drops the entry that has no endpoints",
			twoEntries,
		},
		{
			"lost-share", "product",
			"a share of the traffic, or all of it, that ends in the client's proxy (a route to a subset that is not defined) makes an edge for each endpoint of the called host: none when that has no endpoint but the client",
			lostShare,
		},
		{
			"self", "product",
			"a pod that dials its own address, one of a headless Service's, goes over the loopback device and bypasses its proxy; and DNS does not give the addresses of pods that are not ready. The replay dials both, and finds another service's listener",
			self,
		},
	}
}

// tcpAtHTTP takes the simulation's word.
func tcpAtHTTP(_ destination, product, simulated []Way) ([]Way, []Way) {
	return each(product, func(p Way) (Way, bool) {
		s := p
		s.Result = Protocol
		known := slices.Contains(simulated, s) && (p.Result == ClearText || p.Result == MutualTLS)
		if known {
			return s, true
		}
		return p, true
	}), simulated
}

// entryEndpoints forgets where both say that a connection leads which no proxy balances.
func entryEndpoints(d destination, product, simulated []Way) ([]Way, []Way) {
	if !d.entry {
		return product, simulated
	}
	forget := func(w Way) (Way, bool) {
		_, port, _ := strings.Cut(w.Endpoint, ":")
		switch {
		case d.client.portOverride(w.Cluster) > 0:
			w = Way{Cluster: w.Cluster, Endpoint: ":" + port, Socket: w.Socket, Result: Outside}
		case w.Cluster == "direct", d.client.originalDst(w.Cluster):
			w = Way{Cluster: w.Cluster, Socket: w.Socket, Result: Outside}
		}
		return w, true
	}
	product, simulated = each(product, forget), each(simulated, forget)
	if len(product) == 0 && !slices.ContainsFunc(simulated, func(w Way) bool { return w.Endpoint != "" && w.Endpoint[0] != ':' }) {
		simulated = nil // an entry without endpoints
	}
	return product, simulated
}

// twoEntries forgets what no cluster of the name takes, or one that goes where DNS says.
func twoEntries(d destination, product, simulated []Way) ([]Way, []Way) {
	entries := 0
	for _, e := range d.Resources.ServiceEntries {
		if slices.Contains(e.Spec.Hosts, d.host) {
			entries++
		}
	}
	if entries < 2 {
		return product, simulated
	}
	own := func(w Way) (Way, bool) {
		return w, strings.HasSuffix(w.Cluster, "|"+d.host) && !d.client.originalDst(w.Cluster)
	}
	return each(product, own), each(simulated, own)
}

// lostShare drops the share that is stopped, where the host has no endpoint for it to miss.
func lostShare(d destination, product, simulated []Way) ([]Way, []Way) {
	if d.client == nil || len(product) == 0 || d.hasEndpoint() || slices.Contains(product, Way{Result: Stopped}) {
		return product, simulated
	}
	return product, each(simulated, func(w Way) (Way, bool) { return w, w.Result != Stopped })
}

// hasEndpoint reports whether the resources give the host an endpoint besides the client.
func (d destination) hasEndpoint() bool {
	for _, e := range d.Resources.ServiceEntries {
		selects := e.Spec.WorkloadSelector != nil || e.Spec.Resolution == "STATIC"
		if slices.Contains(e.Spec.Hosts, d.host) && (len(e.Spec.Endpoints) > 0 || !selects) {
			return true
		}
	}
	for _, x := range d.Dials() {
		if x.Host == d.host && !d.entry && slices.ContainsFunc(x.Direct, func(a Address) bool { return a.Host != d.client.Pod.Status.PodIP }) {
			return true
		}
	}
	return false
}

// self drops what the product says beside the simulation, where the client is an endpoint of a
// headless Service.
func self(d destination, product, simulated []Way) ([]Way, []Way) {
	if d.client == nil || !d.undialled() {
		return product, simulated
	}
	return each(product, func(w Way) (Way, bool) {
		return w, slices.Contains(simulated, w) || strings.HasSuffix(w.Cluster, "|"+d.host)
	}), simulated
}

// undialled reports whether the host is a headless Service that has the client for an endpoint, or
// one that is not ready.
func (d destination) undialled() bool {
	for _, s := range d.Resources.Services {
		if s.Headless() && s.Name+"."+s.Namespace+".svc.cluster.local" == d.host {
			return d.lists(s.Namespace, s.Name)
		}
	}
	return false
}

func (d destination) lists(namespace, service string) bool {
	for _, es := range d.Resources.EndpointSlices {
		for _, e := range es.Endpoints {
			unready := e.Conditions.Ready != nil && !*e.Conditions.Ready
			own := slices.Contains(e.Addresses, d.client.Pod.Status.PodIP)
			if es.Namespace == namespace && es.Service() == service && (unready || own) {
				return true
			}
		}
	}
	return false
}

// each maps ways, drops those for which f returns false, and keeps one of equals.
func each(ways []Way, f func(Way) (Way, bool)) []Way {
	var out []Way
	for _, w := range ways {
		if w, keep := f(w); keep && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}
