package handshake

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// configKinds are the kinds of resources by the name that istiod has for them in metadata istio.config.
var configKinds = map[string]string{"destination-rule": "DestinationRule", "virtual-service": "VirtualService"}

// configRef reads metadata istio.config, "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/server"; zero
// when it names a resource of another kind, or none.
func configRef(config, kind string) kube.Ref {
	f := strings.Split(strings.Trim(config, "/"), "/")
	if len(f) != 7 || f[3] != "namespaces" || configKinds[f[5]] != kind {
		return kube.Ref{}
	}
	return kube.Ref{Kind: kind, Namespace: f[4], Name: f[6]}
}

// applied says which resource made something so; "" for none.
func applied(ref kube.Ref) string {
	if ref == (kube.Ref{}) {
		return ""
	}
	return "; applied: " + ref.String()
}

// madeFrom notes the resource that ways were made from.
func madeFrom(config string, ways []way) []way {
	for i := range ways {
		ways[i].config = config
	}
	return ways
}

// noteRoute notes the VirtualService that leads the connection elsewhere than it was dialled.
func (r *replay) noteRoute(w way) {
	r.Outbound.Route = configRef(w.config, "VirtualService")
	to := r.ledTo()
	if r.Outbound.Route == (kube.Ref{}) || to == "" {
		return
	}
	what := r.dial.label()
	if w.conditional {
		what = "some calls of " + what
	}
	fact := Fact{Proxy, w.at.source, fmt.Sprintf("%s leads %s to %s", r.Outbound.Route, what, to), w.at.Place}
	r.Evidence = append(r.Evidence, fact)
	r.Outbound.Routed = &Routed{to, w.conditional, fact}
}

// ledTo is the destination whose cluster takes the connection; "" for what was dialled, or when none takes it.
func (r *replay) ledTo() string {
	n, ok := parseClusterName(r.Outbound.Cluster)
	switch {
	case !ok && r.Outbound.Cluster != "":
		return "cluster " + r.Outbound.Cluster
	case !ok, n.host == r.dial.name && n.port == r.dial.port && n.subset == "":
		return ""
	case n.subset != "":
		return fmt.Sprintf("subset %s of %s:%d", n.subset, n.host, n.port)
	}
	return fmt.Sprintf("%s:%d", n.host, n.port)
}
