package envoy

import "strings"

// isV2 tells the messages of the xDS API v2, which Istio spoke until 1.5.
func isV2(typ string) bool {
	return strings.HasPrefix(typ, "envoy.api.v2.") || strings.HasPrefix(typ, "envoy.admin.v2alpha.")
}

// dropConfig leaves of a proxy of API v2 what does not depend on the API.
func (p *Proxy) dropConfig() {
	p.API = "v2"
	p.Listeners, p.Clusters, p.Endpoints, p.Routes = nil, nil, nil, nil
	p.Read &^= SectionListeners | SectionClusters | SectionRoutes | SectionEndpoints
}

// sawV2 records that a resource of API v2 was met.
func (r *reader) sawV2(typ string) bool {
	if isV2(typ) {
		r.v2 = true
		return true
	}
	return false
}
