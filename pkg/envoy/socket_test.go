package envoy

import (
	"strings"
	"testing"
)

func TestSocketKindIsDecidedByType(t *testing.T) {
	tls := &TransportSocket{Kind: TLS, TypeURL: upstreamTLS, TLS: &TLSContext{SNI: "s"}}
	inner := `"transport_socket":{"name":"envoy.transport_sockets.raw_buffer","typed_config":{` + typeOf(upstreamTLS) + `,"sni":"s"}}`
	for _, tc := range []struct {
		name, config string
		want         TransportSocket
		noted        string
	}{
		{"upstream TLS", typeOf(upstreamTLS) + `,"sni":"s"`, *tls, ""},
		{"upstream TLS of v2 names", typeOf(upstreamTLSv2) + `,"sni":"s"`, TransportSocket{Kind: TLS, TypeURL: upstreamTLSv2, TLS: &TLSContext{SNI: "s"}}, ""},
		{"downstream TLS", typeOf(downstreamTLS) + `,"require_client_certificate":true`, TransportSocket{Kind: TLS, TypeURL: downstreamTLS, TLS: &TLSContext{RequireClientCertificate: true}}, ""},
		{"raw", typeOf(rawBuffer), TransportSocket{Kind: Raw, TypeURL: rawBuffer}, ""},
		{"HBONE", typeOf(internalTunnel) + `,` + inner, TransportSocket{Kind: Tunnel, TypeURL: internalTunnel, Inner: tls}, ""},
		{"PROXY protocol around TLS", typeOf(proxyProtocol) + `,"config":{},` + inner, TransportSocket{Kind: ProxyHeader, TypeURL: proxyProtocol, Inner: tls}, ""},
		{"tap is transparent", typeOf(tapSocket) + `,"common_config":{},` + inner, *tls, ""},
		{"tcp_stats is transparent", typeOf(tcpStatsSocket) + `,` + inner, *tls, ""},
		{"QUIC", typeOf(quicDownstream) + `,"downstream_tls_context":{"require_client_certificate":true}`, TransportSocket{
			Kind: OtherSocket, TypeURL: quicDownstream,
			Inner: &TransportSocket{Kind: TLS, TypeURL: downstreamTLS, TLS: &TLSContext{RequireClientCertificate: true}},
		}, ""},
		{"STARTTLS of a client", typeOf(upstreamStartTLS) + `,"tls_socket_config":{"sni":"s"}`, TransportSocket{Kind: OtherSocket, TypeURL: upstreamStartTLS, Inner: tls}, "transport socket " + upstreamStartTLS},
		{"another project's", typeOf("cilium.UpstreamTlsWrapperContext"), TransportSocket{Kind: OtherSocket, TypeURL: "cilium.UpstreamTlsWrapperContext"}, "transport socket cilium.UpstreamTlsWrapperContext"},
		{"in a TypedStruct", typeOf("xds.type.v3.TypedStruct") + `,"type_url":"type.googleapis.com/` + upstreamTLS + `","value":{"sni":"s"}`, *tls, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, p := oneSocket(t, tc.config)
			diff(t, "socket", &tc.want, got)
			if tc.noted == "" {
				silent(t, p)
			} else {
				noted(t, p, tc.noted)
			}
		})
	}
}

func TestSocketWithoutConfig(t *testing.T) {
	c, p := oneCluster(t, `"name":"a","transport_socket":{"name":"envoy.transport_sockets.raw_buffer"}`)
	diff(t, "socket", &TransportSocket{Kind: Raw, TypeURL: rawBuffer}, c.Socket)
	silent(t, p)

	c, p = oneCluster(t, `"name":"a","transport_socket":{"name":"tls"}`)
	diff(t, "socket", &TransportSocket{Kind: OtherSocket, TypeURL: "tls"}, c.Socket)
	noted(t, p, "transport socket tls without a config")

	if c, _ = oneCluster(t, `"name":"a","transport_socket":null`); c.Socket != nil {
		t.Errorf("null gives %+v", c.Socket)
	}
}

func TestTLSContextOfDeprecatedField(t *testing.T) {
	c, _ := oneCluster(t, `"name":"a","hidden_envoy_deprecated_tls_context":{"sni":"s"}`)
	if c.Socket == nil || c.Socket.Kind != TLS || c.Socket.TLS.SNI != "s" {
		t.Errorf("socket = %+v", c.Socket)
	}
}

// socketClusters are clusters whose sockets say the same in different bytes, and one that differs.
const socketClusters = `"name":"a","transport_socket":{"name":"x","typed_config":{"@type":"type.googleapis.com/` + upstreamTLS + `","sni":"s","common_tls_context":{"alpn_protocols":["istio"]}}}`

func TestEqualSocketsAreOnePointer(t *testing.T) {
	in := NewInterner()
	spaced := strings.ReplaceAll(socketClusters, `["istio"]`, `[ "istio" ]`)
	renamed := strings.ReplaceAll(socketClusters, `"alpn_protocols"`, `"alpnProtocols"`)
	other := strings.ReplaceAll(socketClusters, `"sni":"s"`, `"sni":"t"`)
	var sockets []*TransportSocket
	for _, inside := range []string{socketClusters, spaced, renamed, other} {
		d := NewDecoder(in)
		if err := d.ConfigDump(strings.NewReader(clustersDump(inside))); err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, d.Proxy().Clusters[0].Socket)
	}
	if sockets[0] != sockets[1] || sockets[0] != sockets[2] {
		t.Error("equal sockets are not the same pointer")
	}
	if sockets[0] == sockets[3] {
		t.Error("different sockets are the same pointer")
	}
}

func TestNotesOfASocketReadBeforeCountAgain(t *testing.T) {
	strange := strings.ReplaceAll(socketClusters, `"alpn_protocols"`, `"novelty":1,"alpn_protocols"`)
	p := mustDump(t, clustersDump(strange, strange, strange))
	if n := p.Unmodelled["CommonTlsContext.novelty"]; n != 3 {
		t.Errorf("counted %d times, want 3: %v", n, p.Unmodelled)
	}
	for _, c := range p.Clusters {
		diff(t, "unmodelled", []string{"CommonTlsContext.novelty"}, c.Socket.TLS.Unmodelled)
	}
}
