package probe

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// envoy is an admin interface that answers as Envoy 1.40 was seen to.
type envoy struct {
	mu    sync.Mutex
	asked []string
	// resources are the items of config_dump?resource=, absent ones a 404.
	resources map[string][]string
	answers   map[string]string
	// override answers first; it returns false to pass.
	override func(http.ResponseWriter, *http.Request) bool
}

func newEnvoy() *envoy {
	return &envoy{
		resources: map[string][]string{
			"dynamic_listeners":        {item("ListenersConfigDump.DynamicListener", `"name":"virtualInbound"`), item("ListenersConfigDump.DynamicListener", `"name":"virtualOutbound"`)},
			"static_listeners":         {item("ListenersConfigDump.StaticListener", `"listener":{"name":"stats"}`)},
			"dynamic_active_clusters":  {item("ClustersConfigDump.DynamicCluster", `"version_info":"7"`)},
			"dynamic_warming_clusters": {},
			"static_clusters":          {item("ClustersConfigDump.StaticCluster", `"cluster":{"name":"agent"}`)},
			"dynamic_active_secrets":   {item("SecretsConfigDump.DynamicSecret", `"name":"default"`)},
			"dynamic_warming_secrets":  {},
			"static_secrets":           {},
			"dynamic_endpoint_configs": {item("EndpointsConfigDump.DynamicEndpointConfig", `"endpoint_config":{}`)},
			"dynamic_route_configs":    {},
		},
		answers: map[string]string{
			"/certs":       `{"certificates":[]}`,
			"/stats":       `{"stats":[]}`,
			"/clusters":    `{"cluster_statuses":[]}`,
			"/server_info": `{"version":"x/1.40.0/Clean/RELEASE/BoringSSL"}`,
		},
	}
}

func item(typ, fields string) string {
	return `{"@type":"type.googleapis.com/envoy.admin.v3.` + typ + `",` + fields + `}`
}

const nodeItem = `{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{"node":{"id":"sidecar~10.0.0.1~a.shop~shop.svc.cluster.local","user_agent_build_version":{}}}}`

func (e *envoy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.asked = append(e.asked, r.URL.RequestURI())
	e.mu.Unlock()
	if e.override != nil && e.override(w, r) {
		return
	}
	if answer, ok := e.answers[r.URL.Path]; ok {
		fmt.Fprint(w, answer)
		return
	}
	q := r.URL.Query()
	items, ok := e.resources[q.Get("resource")]
	if q.Get("mask") != "" {
		items, ok = []string{nodeItem, item("ClustersConfigDump", `"x":1`)}, true
	}
	switch {
	case !ok, q.Get("resource") == "dynamic_endpoint_configs" && !q.Has("include_eds"):
		http.Error(w, q.Get("resource")+" not found in config dump", http.StatusNotFound)
	case len(items) == 0:
		fmt.Fprintln(w, "{}")
	default:
		fmt.Fprintf(w, "{\n \"configs\": [\n%s]\n}\n", strings.Join(items, ",\n"))
	}
}

func (e *envoy) askedFor(part string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.asked, func(uri string) bool { return strings.Contains(uri, part) })
}
