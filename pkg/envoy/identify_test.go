package envoy

import (
	"errors"
	"strings"
	"testing"
)

func TestDecodeAnyReads(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		kind       Kind
		read       Sections
	}{
		{"dump", clustersDump(`"name":"a"`), KindConfigDump, SectionClusters},
		{"one section", flat("envoy.admin.v3.SecretsConfigDump", `"dynamic_active_secrets":[]`), KindConfigDump, SectionSecrets},
		{"one section without its type", `{"dynamicActiveSecrets":[{"name":"a"}]}`, KindConfigDump, SectionSecrets},
		{"one resource", flat("envoy.config.cluster.v3.Cluster", `"name":"a"`), KindConfigDump, SectionClusters},
		{"istioctl clusters", `[{"name":"a","type":"EDS","connectTimeout":"10s"},{"name":"b"}]`, KindConfigDump, SectionClusters},
		{"istioctl listeners", `[{"name":"l","address":{},"filterChains":[{}],"trafficDirection":"INBOUND"}]`, KindConfigDump, SectionListeners},
		{"istioctl routes", `[{"name":"80","virtualHosts":[]}]`, KindConfigDump, SectionRoutes},
		{"istioctl endpoints", `[{"name":"a","addedViaApi":true,"hostStatuses":[{"address":{"socketAddress":{"address":"10.0.0.1","portValue":80}}}]}]`, KindClusters, SectionHosts},
		{"istioctl bootstrap", `{"bootstrap":{"node":{"id":"x"}}}`, KindConfigDump, SectionBootstrap},
		{"load assignments", `[{"clusterName":"a","endpoints":[]}]`, KindConfigDump, SectionEndpoints},
		{"secrets", `[{"name":"a","tlsCertificate":{}}]`, KindConfigDump, SectionSecrets},
		{"list of typed resources", `[` + flat("envoy.config.listener.v3.Listener", `"name":"l"`) + `]`, KindConfigDump, SectionListeners},
		{"list of section items", `[{"cluster":{"name":"a"}},{"name":"l","activeState":{"listener":{"name":"l"}}}]`, KindConfigDump, SectionClusters | SectionListeners},
		{"encoded", `"{\"configs\":[{\"dynamic_active_clusters\":[]}]}"`, KindConfigDump, SectionClusters},
		{"wrapped by egctl", `{"default":{"eg":` + clustersDump(`"name":"a"`) + `}}`, KindConfigDump, SectionClusters},
		{"YAML", "configs:\n- '@type': type.googleapis.com/envoy.admin.v3.ClustersConfigDump\n  dynamicActiveClusters:\n  - cluster:\n      name: a\n", KindConfigDump, SectionClusters},
		{"YAML list", "- name: a\n  type: EDS\n  connectTimeout: 1s\n", KindConfigDump, SectionClusters},
		{"clusters", `{"cluster_statuses":[]}`, KindClusters, SectionHosts},
		{"clusters as text", "a::10.0.0.1:80::cx_total::1\n", KindClusters, SectionHosts},
		{"certs", `{"certificates":[{"cert_chain":[{"path":"p"}]}]}`, KindCerts, SectionCerts},
		{"stats", `{"stats":[]}`, KindStats, SectionStats},
		{"stats as text", "\n\nserver.live: 1\r\n", KindStats, SectionStats},
		{"stats of Prometheus", "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n", KindStats, SectionStats},
		{"server info", `{"command_line_options":{},"version":"a/1.40.0/b/c/d"}`, KindServerInfo, SectionServerInfo},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, kind, err := DecodeAny(strings.NewReader(tc.text), nil)
			if err != nil || kind != tc.kind || p.Read != tc.read {
				t.Errorf("kind %q, read %b, error %v", kind, p.Read, err)
			}
		})
	}
}

func TestIstioctlItemsAreRead(t *testing.T) {
	p, _, err := DecodeAny(strings.NewReader(`[{"name":"a","edsClusterConfig":{"serviceName":"s"},"type":"EDS",
		"transportSocket":{"name":"x","typedConfig":{`+typeOf(upstreamTLS)+`,"commonTlsContext":{"alpnProtocols":["istio"]}}}},{"name":"only-a-name"}]`), nil)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "clusters", []*Cluster{
		{Name: "a", Type: "EDS", ServiceName: "s", Socket: &TransportSocket{Kind: TLS, TypeURL: upstreamTLS, TLS: &TLSContext{ALPN: []string{"istio"}}}, Freshness: Freshness{State: Active}},
		{Name: "only-a-name", Type: "STATIC", ServiceName: "only-a-name", Freshness: Freshness{State: Active}},
	}, p.Clusters)
}

// TestDecodeAnySaysWhatItDoesNotRead wants one sentence that names the thing, for whatever
// people have at hand.
func TestDecodeAnySaysWhatItDoesNotRead(t *testing.T) {
	for _, tc := range []struct{ name, text, what string }{
		{"nothing", "", "an empty input"},
		{"white space", " \n\t ", "an empty input"},
		{"empty object", "{}", "a document of unknown kind"},
		{"empty list", "[]", "a document of unknown kind"},
		{"null", "null", "a document of unknown kind"},
		{"a number", "[1,2]", "a document of unknown kind"},
		{"a string", `"hello"`, "a document of unknown kind"},
		{"another object", `{"a":{"b":{"c":{}}}}`, "a document of unknown kind"},
		{"no sections", `{"configs":[]}`, "a config dump without content"},
		{"ECDS only", dump(flat("envoy.admin.v3.EcdsConfigDump", `"ecds_filters":[]`)), "a config dump without content"},
		{"ztunnel 1.19", `{"by_addr":{"/10.0.0.1":{"workloadIps":["10.0.0.1"]}},"certificates":[{"identity":"x","state":"Available"}]}`, "a ztunnel dump"},
		{"ztunnel 1.28", `{"workloads":[{"uid":"x"}],"services":[],"policies":[],"certificates":[],"version":{"version":"1.28"}}`, "a ztunnel dump"},
		{"ztunnel certificates", `{"certificates":[{"identity":"x","state":"Available","certChain":[{"serialNumber":"1"}]}]}`, "a ztunnel dump"},
		{"ztunnel workloads", `[{"uid":"x","workloadIps":["10.0.0.1"]}]`, "a ztunnel dump"},
		{"ztunnel connections", `[{"state":"Up","connections":{"inbound":[]}}]`, "connections of a ztunnel"},
		{"Kmesh", `{"staticResources":{},"dynamicResources":{"clusterConfigs":[],"listenerConfigs":[]}}`, "a Kmesh dump"},
		{"Kuma", `{"diff":[],"xds":{"type.googleapis.com/x":{"a":{"configs":[]}}}}`, "a Kuma policy snapshot"},
		{"CSDS", `{"config":[{"node":{"id":"x"},"xdsConfig":[]}]}`, "a CSDS answer"},
		{"listeners", `{"listener_statuses":[{"name":"a"}]}`, "the output of /listeners"},
		{"bootstrap file", `{"static_resources":{"clusters":[]},"node":{}}`, "an Envoy bootstrap file"},
		{"bootstrap file in YAML", "static_resources:\n  clusters: []\n", "an Envoy bootstrap file"},
		{"Kubernetes list", `{"apiVersion":"v1","kind":"List","items":[{"a":1}]}`, "a Kubernetes object"},
		{"gzip", "\x1f\x8b\x08\x00", "an archive"},
		{"zip", "PK\x03\x04xx", "an archive"},
		{"tar", strings.Repeat("a", 257) + "ustar\x00", "an archive"},
		{"PEM", "-----BEGIN CERTIFICATE-----\n", "a PEM file"},
		{"PowerShell's redirect", "\xff\xfe{\x00}\x00", "UTF-16 text"},
		{"HTML", "<!DOCTYPE html><html>", "an HTML page"},
		{"binary", "a\x00b", "a binary file"},
		{"an error message", "error: pods \"x\" not found", "text"},
		{"a log line", "2026-11-23T12:00:00Z info started", "text"},
		{"broken YAML", "a: b: c\n  - x", "text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, _, err := DecodeAny(strings.NewReader(tc.text), nil)
			var notRead *NotReadError
			if !errors.As(err, &notRead) {
				t.Fatalf("error = %v, read %b", err, p.Read)
			}
			if !strings.HasPrefix(notRead.What, tc.what) || notRead.Why == "" || notRead.Next == "" {
				t.Errorf("error = %v, want it about %s", err, tc.what)
			}
			if text := err.Error(); strings.Contains(text, "\n") || strings.HasSuffix(text, ".") {
				t.Errorf("not one clause: %q", text)
			}
			if p.Read != 0 {
				t.Errorf("read %b beside an error", p.Read)
			}
		})
	}
}

func TestDecodeAnyKeepsThePartBeforeACut(t *testing.T) {
	text := clustersDump(`"name":"a"`, `"name":"b"`)
	p, kind, err := DecodeAny(strings.NewReader(text[:len(text)-12]), nil)
	var cut *CutError
	if !errors.As(err, &cut) || kind != KindConfigDump {
		t.Fatalf("kind %s, error %v", kind, err)
	}
	diff(t, "clusters", []string{"active a"}, names(p))
}
