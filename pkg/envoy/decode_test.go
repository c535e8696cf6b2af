package envoy

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func names(p *Proxy) (out []string) {
	for _, c := range p.Clusters {
		out = append(out, string(c.State)+" "+c.Name)
	}
	for _, l := range p.Listeners {
		out = append(out, string(l.State)+" "+l.Name)
	}
	for _, s := range p.Secrets {
		out = append(out, string(s.State)+" "+s.Name)
	}
	return out
}

func flat(message, inside string) string { return `{` + typeOf(message) + `,` + inside + `}` }

func TestItemsWithoutASection(t *testing.T) {
	text := dump(
		flat("envoy.admin.v3.ClustersConfigDump.StaticCluster", `"cluster":{"name":"a"}`),
		flat("envoy.admin.v3.ClustersConfigDump.DynamicCluster", `"version_info":"v","cluster":{`+typeOf("envoy.config.cluster.v3.Cluster")+`,"name":"b"}`),
		flat("envoy.admin.v3.ListenersConfigDump.StaticListener", `"listener":{"name":"c"}`),
		flat("envoy.admin.v3.ListenersConfigDump.DynamicListener", `"name":"d","active_state":{"listener":{"name":"d"}}`),
		flat("envoy.admin.v3.SecretsConfigDump.DynamicSecret", `"name":"e","secret":{"name":"e"}`),
		flat("envoy.admin.v3.SecretsConfigDump.StaticSecret", `"name":"f","secret":{"name":"f"}`),
		flat("envoy.admin.v3.RoutesConfigDump.DynamicRouteConfig", `"route_config":{"name":"80"}`),
		flat("envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig", `"endpoint_config":{"cluster_name":"b"}`),
	)
	p := mustDump(t, text)
	diff(t, "items", []string{"static a", "active b", "static c", "active d", "active e", "static f"}, names(p))
	if p.Routes["80"] == nil {
		t.Error("the route is missing")
	}
	if _, ok := p.Endpoints["b"]; !ok {
		t.Error("the endpoints are missing")
	}
	if !p.Read.Has(SectionClusters|SectionListeners|SectionSecrets|SectionRoutes|SectionEndpoints) || p.API != "v3" {
		t.Errorf("read %b, API %q", p.Read, p.API)
	}
}

func TestConfigResourceTellsTheState(t *testing.T) {
	d := NewDecoder(nil)
	for resource, text := range map[string]string{
		"dynamic_warming_clusters": dump(flat("envoy.admin.v3.ClustersConfigDump.DynamicCluster", `"cluster":{"name":"w"}`)),
		"dynamic_warming_secrets":  `{}`,
	} {
		if err := d.ConfigResource(resource, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.ConfigDump(strings.NewReader(dump(flat("envoy.admin.v3.ClustersConfigDump.DynamicCluster", `"cluster":{"name":"a"}`)))); err != nil {
		t.Fatal(err)
	}
	p := d.Proxy()
	diff(t, "clusters", []string{"warming w", "active a"}, names(p))
	if !p.Read.Has(SectionSecrets) {
		t.Error("an empty answer does not count as read")
	}
}

func TestCallsAccumulate(t *testing.T) {
	d := NewDecoder(nil)
	for _, text := range []string{clustersDump(`"name":"a"`), clustersDump(`"name":"b"`), secretsDump(`"name":"s"`)} {
		if err := d.ConfigDump(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Stats(strings.NewReader("server.live: 1\n")); err != nil {
		t.Fatal(err)
	}
	p := d.Proxy()
	diff(t, "items", []string{"active a", "active b", "active s"}, names(p))
	if p.Stats["server.live"] != 1 || d.Proxy() != p {
		t.Errorf("stats %v", p.Stats)
	}
}

func TestMaskedDump(t *testing.T) {
	p := mustDump(t, dump(flat("envoy.admin.v3.ClustersConfigDump", `"dynamic_active_clusters":[{"cluster":{`+typeOf("envoy.config.cluster.v3.Cluster")+`,"name":"a","type":"EDS"}},{}]`)))
	diff(t, "clusters", []string{"active a"}, names(p))
}

func TestEmptyAnswersAreNoError(t *testing.T) {
	for _, text := range []string{`{}`, `{"configs":[]}`, `[]`, `null`, dump(`{` + typeOf("envoy.admin.v3.ClustersConfigDump") + `}`)} {
		mustDump(t, text)
	}
	p := decoded(t, readClusters, `{}`)
	if !p.Read.Has(SectionHosts) {
		t.Error("no clusters at all do not count as read")
	}
	if p := decoded(t, readCerts, `{"certificates":[]}`); !p.Read.Has(SectionCerts) {
		t.Error("no certificates at all do not count as read")
	}
}

// TestCutDump cuts a dump at every byte: what is whole before the cut stays, and the error
// names the place.
func TestCutDump(t *testing.T) {
	text := dump(flat("envoy.admin.v3.ClustersConfigDump", `"dynamic_active_clusters":[{"cluster":{"name":"first"}},{"cluster":{"name":"second","type":"EDS"}}]`))
	for at := 1; at < len(text); at++ {
		d := NewDecoder(nil)
		err := d.ConfigDump(strings.NewReader(text[:at]))
		var cut *CutError
		if !errors.As(err, &cut) {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if cut.Offset > int64(at) || !strings.Contains(err.Error(), "cut short") || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v (offset %d)", at, err, cut.Offset)
		}
		want := 0
		for i, mark := range []string{`{"name":"first"}}`, `"type":"EDS"}}`} {
			if strings.Contains(text[:at], mark) {
				want = i + 1
			}
		}
		if got := len(d.Proxy().Clusters); got != want {
			t.Errorf("cut at %d: %d clusters, want %d", at, got, want)
		}
	}
}

func TestCutNamesTheSection(t *testing.T) {
	text := clustersDump(`"name":"a","type":"EDS"`)
	err := NewDecoder(nil).ConfigDump(strings.NewReader(text[:len(text)-20]))
	var cut *CutError
	if !errors.As(err, &cut) || cut.Section != "dynamic_active_clusters" {
		t.Errorf("error = %v", err)
	}
}

func TestMalformedInput(t *testing.T) {
	err := NewDecoder(nil).ConfigDump(strings.NewReader(`{"configs":[{]}`))
	var cut *CutError
	if !errors.As(err, &cut) || cut.Offset != 13 || !strings.Contains(err.Error(), "malformed at byte 13 in configs") {
		t.Errorf("error = %v", err)
	}
}

func TestFailingSource(t *testing.T) {
	broken := errors.New("connection lost")
	src := io.MultiReader(strings.NewReader(`{"configs":[`), iotest.ErrReader(broken))
	err := NewDecoder(nil).ConfigDump(src)
	var cut *CutError
	if !errors.Is(err, broken) || !errors.As(err, &cut) || !strings.Contains(err.Error(), "broken off at byte 12 in configs") {
		t.Errorf("error = %v", err)
	}
}

func TestOldAPI(t *testing.T) {
	node := flat("envoy.admin.v2alpha.BootstrapConfigDump", `"bootstrap":{"node":{"id":"sidecar~10.0.0.1~a.shop~shop.svc.cluster.local","build_version":"55c8/1.10.0-dev/Clean/RELEASE/BoringSSL","metadata":{"ISTIO_VERSION":"1.1.1"}}}`)
	for name, text := range map[string]string{
		"admin v2alpha":          dump(node, flat("envoy.admin.v2alpha.ClustersConfigDump", `"dynamic_active_clusters":[{"cluster":{"name":"a"}}]`)),
		"admin v3 around v2":     dump(strings.ReplaceAll(node, "v2alpha", "v3"), flat("envoy.admin.v3.ClustersConfigDump", `"dynamic_active_clusters":[{"cluster":{`+typeOf("envoy.api.v2.Cluster")+`,"name":"a"}}]`)),
		"sections by name":       `{"configs":{"listeners":{` + typeOf("envoy.admin.v2alpha.ListenersConfigDump") + `},"bootstrap":` + node + `}}`,
		"v2 listeners inside v3": dump(strings.ReplaceAll(node, "v2alpha", "v3"), flat("envoy.admin.v3.ListenersConfigDump", `"static_listeners":[{"listener":{"name":"l","filter_chains":[{"filters":[{"name":"x","typed_config":{`+typeOf(tcpProxyV2)+`,"cluster":"c"}}]}]}}]`)),
	} {
		t.Run(name, func(t *testing.T) {
			p, kind, err := DecodeAny(strings.NewReader(text), nil)
			var old *NotReadError
			if !errors.As(err, &old) || !strings.Contains(err.Error(), "API v2 (Istio 1.1.1)") || kind != KindConfigDump {
				t.Fatalf("kind %s, error %v", kind, err)
			}
			if p.API != "v2" || p.Version != "1.10.0-dev" || p.Node.IstioVersion != "1.1.1" || p.Node.Type != "sidecar" {
				t.Errorf("proxy = %+v", p)
			}
			if len(p.Clusters)+len(p.Listeners) > 0 || p.Read.Has(SectionClusters) || p.Read.Has(SectionListeners) {
				t.Errorf("configuration of API v2 was kept: %v, read %b", names(p), p.Read)
			}
		})
	}
}

func TestSeveralProxiesInOneFile(t *testing.T) {
	one := clustersDump(`"name":"a"`)
	d := NewDecoder(nil)
	err := d.ConfigDump(strings.NewReader(`{"ns":{"p1":` + one + `,"p2":` + one + `}}`))
	if err == nil || !strings.Contains(err.Error(), "several proxies") {
		t.Errorf("error = %v", err)
	}
	if got := names(d.Proxy()); len(got) > 0 {
		t.Errorf("a mixture was kept: %v", got)
	}
}

func TestOneProxyInSeveralDocuments(t *testing.T) {
	p := mustDump(t, clustersDump(`"name":"a"`)+"\n"+secretsDump(`"name":"s"`))
	diff(t, "items", []string{"active a", "active s"}, names(p))
}

func TestWrongKind(t *testing.T) {
	for name, read := range map[string]func(*Decoder, string) error{"clusters": readClusters, "certs": readCerts, "stats": readStats, "server info": readInfo} {
		err := read(NewDecoder(nil), clustersDump(`"name":"a"`))
		var wrong *NotReadError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "the output of config dump") || !strings.Contains(err.Error(), "the output of "+name+" was expected") {
			t.Errorf("%s: %v", name, err)
		}
		if err := read(NewDecoder(nil), `{"a":1}`); err == nil {
			t.Errorf("%s: a stray document is no error", name)
		}
	}
}

func TestForeignSectionsAreSkippedByWholeType(t *testing.T) {
	p := mustDump(t, dump(
		flat("cilium.NetworkPoliciesConfigDump", `"networkpolicies":[]`),
		flat("vendor.RoutesConfigDump", `"dynamic_route_configs":[{"route_config":{"name":"80"}}]`),
		flat("envoy.admin.v3.EcdsConfigDump", `"ecds_filters":[{}]`),
	))
	if len(p.Routes) > 0 || p.Read != 0 {
		t.Errorf("read %b, routes %v", p.Read, p.Routes)
	}
	diff(t, "unmodelled", map[string]int{"config section vendor.RoutesConfigDump": 1}, p.Unmodelled)
}
