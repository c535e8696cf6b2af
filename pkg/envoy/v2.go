package envoy

import "strings"

// isV2 tells the messages of the xDS API v2, which Istio spoke until 1.5.
func isV2(typ string) bool {
	return strings.HasPrefix(typ, "envoy.api.v2.") || strings.HasPrefix(typ, "envoy.admin.v2alpha.")
}

// sawV2 records that a resource of API v2 was met.
func (r *reader) sawV2(typ string) bool {
	if isV2(typ) {
		r.v2 = true
		return true
	}
	return false
}
