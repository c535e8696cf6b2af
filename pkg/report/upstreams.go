package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// What a proxy sends to a destination.
const (
	sendsAuto      = "auto" // mTLS to endpoints with a proxy, plaintext to others: auto mTLS
	sendsMTLS      = "mTLS" // TLS with a client certificate, to every endpoint
	sendsTLS       = "tls"  // TLS without a client certificate
	sendsPlaintext = "plaintext"
	sendsUnknown   = "" // a socket that is not modelled
)

// upstreams lists what a workload's proxy sends to each destination. It is told only where the
// services of the mesh were not read: one proxy alone knows no connections, but this.
func upstreams(r *diagnose.Result, w *mesh.Workload) []Upstream {
	if len(r.Hosts) > 0 {
		return nil
	}
	seen := map[Upstream]bool{}
	var out []Upstream
	for _, p := range w.Pods {
		if p.Proxy == nil {
			continue
		}
		for _, c := range p.Proxy.Clusters {
			if u, ok := upstream(c); ok && !seen[u] {
				seen[u] = true
				out = append(out, u)
			}
		}
	}
	slices.SortFunc(out, func(a, b Upstream) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Subset, b.Subset), cmp.Compare(a.Sends, b.Sends))
	})
	return out
}

// upstream reads one of istiod's outbound clusters, "outbound|80|v1|server.shop.svc.cluster.local".
func upstream(c *envoy.Cluster) (Upstream, bool) {
	parts := strings.Split(c.Name, "|")
	if len(parts) != 4 || parts[0] != "outbound" {
		return Upstream{}, false
	}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil {
		return Upstream{}, false
	}
	return Upstream{Host: parts[3], Port: uint32(port), Subset: parts[2], Sends: sends(c), Rule: rule(c.Config)}, true
}

// sends says what a cluster sends; auto when that depends on the endpoint.
func sends(c *envoy.Cluster) string {
	out := socketSends(c.Socket)
	if c.HasMatcher || out == sendsUnknown {
		return sendsUnknown
	}
	for i, m := range c.Matches {
		switch s := socketSends(m.Socket); {
		case s == sendsUnknown:
			return sendsUnknown
		case i == 0 && c.Socket == nil: // the fallback of istiod's auto mTLS is a match too
			out = s
		case s != out:
			return sendsAuto
		}
	}
	return out
}

func socketSends(s *envoy.TransportSocket) string {
	switch {
	case s == nil || s.Kind == envoy.Raw:
		return sendsPlaintext
	case s.TLS == nil:
		return sendsUnknown
	case len(s.TLS.Certificates) > 0:
		return sendsMTLS
	}
	return sendsTLS
}

// rule names the DestinationRule of a cluster's metadata,
// "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server".
func rule(config string) string {
	_, name, ok := strings.Cut(config, "/namespaces/")
	if !ok {
		return ""
	}
	namespace, name, ok := strings.Cut(name, "/destination-rule/")
	if !ok {
		return ""
	}
	return namespace + "/" + name
}
