package diagnose

import "testing"

func TestLink(t *testing.T) {
	for ref, want := range map[string]string{
		"istio/istio#37431":       "https://github.com/istio/istio/issues/37431",
		"istio/istio.io#11396":    "https://github.com/istio/istio.io/issues/11396",
		"ISTIO-SECURITY-2021-003": "https://istio.io/latest/news/security/istio-security-2021-003/",
		"istio.io/docs/reference/config/networking/service-entry/#ServiceEntry (subjectAltNames)": "https://istio.io/latest/docs/reference/config/networking/service-entry/#ServiceEntry",
		"pilot/pkg/model/push_context.go: destinationRule":                                        "https://github.com/istio/istio/tree/master/pilot/pkg/model/push_context.go",
		"tools/istio-iptables":                "https://github.com/istio/istio/tree/master/tools/istio-iptables",
		"envoyproxy.io/docs/envoy/latest/x#y": "https://www.envoyproxy.io/docs/envoy/latest/x#y",
		"a book":                              "a book",
	} {
		if got := Link(ref); got != want {
			t.Errorf("%s: %s, want %s", ref, got, want)
		}
	}
}
