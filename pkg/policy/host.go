package policy

import (
	"net/netip"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Host returns the host of a rule as istiod resolves it, in a mesh of that domain
// ("cluster.local" when empty): a name without a dot is a Service of the rule's namespace;
// anything else, "reviews.shop" too, is taken as it is
// (pilot/pkg/model/config.go, ResolveShortnameToFQDN).
func Host(rule *kube.DestinationRule, domain string) string {
	host := rule.Spec.Host
	if host == "" || host == "*" || strings.Contains(host, ".") {
		return host
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if domain == "" {
		domain = "cluster.local"
	}
	return host + "." + rule.Namespace + ".svc." + domain
}

// hosts maps hosts and wildcards to values. A wildcard matches every host with its suffix,
// however many labels that leaves, even in the middle of a label.
type hosts[V any] struct {
	exact  map[string]V
	suffix map[string]V // without the asterisk
}

func newHosts[V any]() *hosts[V] {
	return &hosts[V]{exact: map[string]V{}, suffix: map[string]V{}}
}

// get returns the value of exactly that host or wildcard.
func (h *hosts[V]) get(host string) (V, bool) {
	if s, ok := strings.CutPrefix(host, "*"); ok {
		v, ok := h.suffix[s]
		return v, ok
	}
	v, ok := h.exact[host]
	return v, ok
}

func (h *hosts[V]) set(host string, v V) {
	if s, ok := strings.CutPrefix(host, "*"); ok {
		h.suffix[s] = v
		return
	}
	h.exact[host] = v
}

// matches returns what covers a host, the most specific first: the host itself, then the
// wildcards from the longest to the shortest. A wildcard host, which a ServiceEntry can have,
// is covered by wildcards alone (pilot/pkg/model/config.go, MostSpecificHostMatch).
func (h *hosts[V]) matches(host string) []V {
	var out []V
	if h == nil {
		return nil
	}
	if s, ok := strings.CutPrefix(host, "*"); ok {
		host = s
	} else if v, ok := h.exact[host]; ok {
		out = append(out, v)
	}
	for i := 0; i <= len(host); i++ {
		if v, ok := h.suffix[host[i:]]; ok {
			out = append(out, v)
		}
	}
	return out
}
