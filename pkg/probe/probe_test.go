package probe

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

func TestCollectReadsEverything(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	c.addProxy("a", e)
	m, manifest := collect(t, c, Options{Context: "lab", Namespaces: []string{"shop"}})

	if len(m.gaps) > 0 {
		t.Errorf("gaps: %v", m.gaps)
	}
	for _, k := range kube.Kinds() {
		if len(m.pages[k.ID()]) == 0 {
			t.Errorf("no list of %s", k.ID())
		}
	}
	want := map[string]string{
		"config_dump-listeners": `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ListenersConfigDump","dynamic_listeners":[{"name":"virtualInbound"},
{"name":"virtualOutbound"}],"static_listeners":[{"listener":{"name":"stats"}}]}]}` + "\n",
		"config_dump-clusters":  `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"version_info":"7"}],"dynamic_warming_clusters":[],"static_clusters":[{"cluster":{"name":"agent"}}]}]}` + "\n",
		"config_dump-secrets":   `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.SecretsConfigDump","dynamic_active_secrets":[{"name":"default"}],"dynamic_warming_secrets":[],"static_secrets":[]}]}` + "\n",
		"config_dump-endpoints": `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.EndpointsConfigDump","dynamic_endpoint_configs":[{"endpoint_config":{}}]}]}` + "\n",
		"config_dump-routes":    `{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump","dynamic_route_configs":[]}]}` + "\n",
		"config_dump-bootstrap": `{"configs":[` + nodeItem + "]}\n",
		"certs":                 e.answers["/certs"],
		"stats":                 e.answers["/stats"],
		"clusters":              e.answers["/clusters"],
	}
	got := map[string]string{}
	for path, text := range m.members {
		got[strings.TrimSuffix(strings.TrimPrefix(path, "proxies/shop/a/"), ".json")] = text
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"v1.36.1", "lab", "live", testClock(), []string{"shop"}, &mesh.Scope{Namespaces: []string{"shop"}}},
		[]any{manifest.ClusterVersion, manifest.Context, manifest.Source, manifest.CapturedAt, manifest.Namespaces, manifest.Scope}); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	if c.upgrades["GET"] != 1 || c.upgrades["POST"] != 0 || c.streams != 1 {
		t.Errorf("upgrades %v with %d connections, want one WebSocket with one", c.upgrades, c.streams)
	}
	if e.askedFor("/server_info") {
		t.Error("asked for /server_info, though the node told the version")
	}
}

func TestServerInfoWhenTheNodeTellsNoVersion(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	e.override = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("mask") != "" {
			fmt.Fprint(w, `{"configs":[`+item("BootstrapConfigDump", `"bootstrap":{}`)+`]}`)
			return true
		}
		return false
	}
	c.addProxy("a", e)
	m, _ := collect(t, c, Options{})
	if m.members["proxies/shop/a/server_info.json"] == "" {
		t.Error("no server_info, though nothing else told the version")
	}
}

func TestOldEnvoyGivesTheWholeDump(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	whole := `{"configs":[` + item("BootstrapConfigDump", `"bootstrap":{}`) + ",\n" + item("ListenersConfigDump", `"dynamic_listeners":[]`) + "]}\n"
	e.override = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/config_dump" {
			fmt.Fprint(w, whole)
		}
		return r.URL.Path == "/config_dump"
	}
	c.addProxy("a", e)
	m, _ := collect(t, c, Options{})
	if diff := cmp.Diff(whole, m.members["proxies/shop/a/config_dump-listeners.json"]); diff != "" {
		t.Errorf("the whole dump (-want +got):\n%s", diff)
	}
	if e.askedFor("resource=dynamic_active_clusters") {
		t.Error("asked again for what the whole dump holds")
	}
}

func TestUnknownResourceIsAbsent(t *testing.T) {
	c := newCluster(t)
	e := newEnvoy()
	delete(e.resources, "dynamic_active_clusters")
	for _, r := range []string{"dynamic_active_secrets", "dynamic_warming_secrets", "static_secrets"} {
		delete(e.resources, r)
	}
	c.addProxy("a", e)
	m, _ := collect(t, c, Options{})
	clusters := m.members["proxies/shop/a/config_dump-clusters.json"]
	if strings.Contains(clusters, "dynamic_active_clusters") || !strings.Contains(clusters, `"static_clusters":[{`) {
		t.Errorf("clusters: %s", clusters)
	}
	if got, ok := m.members["proxies/shop/a/config_dump-secrets.json"]; ok {
		t.Errorf("a section of which nothing is known was written: %s", got)
	}
	if g := m.gap(t, "a"); g.Stage != "config_dump" || !strings.Contains(g.Message, "404: static_secrets not found in config dump") {
		t.Errorf("gap: %+v", g)
	}
	if m.members["proxies/shop/a/certs.json"] == "" {
		t.Error("a status ended the reading of the proxy")
	}
}

func TestProgress(t *testing.T) {
	c := newCluster(t)
	c.addProxy("a", newEnvoy())
	var events progress
	collect(t, c, Options{Progress: &events})
	want := []Event{
		{"lists", len(kube.Kinds()), len(kube.Kinds()), "configmaps.core"},
		{"proxies", 0, 1, "shop/a"},
		{"proxies", 1, 1, "shop/a"},
	}
	if diff := cmp.Diff(want, []Event(events[len(events)-3:])); diff != "" {
		t.Errorf("last events (-want +got):\n%s", diff)
	}
}

type progress []Event

func (p *progress) Progress(e Event) { *p = append(*p, e) }
