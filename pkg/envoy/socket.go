package envoy

import (
	"strings"
)

// The messages that decide what a transport socket is. Names vary between control planes
// (tls, envoy.transport_sockets.tls, internal_upstream, …) and are not trusted.
const (
	upstreamTLS      = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
	downstreamTLS    = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
	upstreamTLSv2    = "envoy.api.v2.auth.UpstreamTlsContext"
	downstreamTLSv2  = "envoy.api.v2.auth.DownstreamTlsContext"
	rawBuffer        = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
	rawBufferV2      = "envoy.config.transport_socket.raw_buffer.v2.RawBuffer"
	internalTunnel   = "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport"
	tapSocket        = "envoy.extensions.transport_sockets.tap.v3.Tap"
	tcpStatsSocket   = "envoy.extensions.transport_sockets.tcp_stats.v3.Config"
	proxyProtocol    = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
	quicDownstream   = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport"
	upstreamStartTLS = "envoy.extensions.transport_sockets.starttls.v3.UpstreamStartTlsConfig"
	quicUpstream     = "envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport"
)

// socketParts is all that a transport socket is made of, comparable, so that equal sockets
// are found without building them.
type socketParts struct {
	kind                           SocketKind
	typ                            string
	common                         *TLSContext // interned; without what follows
	inner                          *TransportSocket
	sni                            string
	autoHostSNI, autoSANValidation bool
	requireCertificate             bool
	unmodelled                     string // joined by spaces
}

// socket reads a core.v3.TransportSocket.
func (r *reader) socket() *TransportSocket {
	var name string
	var config *TransportSocket
	present := false
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			name, present = r.str(), true
		case "typed_config", "config":
			config, present = r.socketConfig(), true
		default:
			r.skip()
		}
	})
	if config != nil || !present {
		return config
	}
	return r.bareSocket(name)
}

// bareSocket is a socket without a config: raw_buffer needs none.
func (r *reader) bareSocket(name string) *TransportSocket {
	if name == "raw_buffer" || name == "envoy.transport_sockets.raw_buffer" {
		return r.intern(socketParts{kind: Raw, typ: rawBuffer})
	}
	r.note("transport socket " + name + " without a config")
	return r.intern(socketParts{kind: OtherSocket, typ: name})
}

func (r *reader) socketConfig() *TransportSocket {
	var p socketParts
	var unmodelled []string
	p.typ = r.anyOf(func(typ string, key []byte) {
		switch typ {
		case upstreamTLS, downstreamTLS, upstreamTLSv2, downstreamTLSv2:
			r.tlsField(&p, &unmodelled, shortName(typ), key)
		default:
			r.wrapperField(&p, typ, key)
		}
	})
	p.unmodelled = strings.Join(unmodelled, " ")
	if (p.typ == tapSocket || p.typ == tcpStatsSocket) && p.inner != nil {
		return p.inner // they watch the bytes and change none
	}
	p.kind = r.socketKind(p.typ)
	return r.intern(p)
}

func (r *reader) socketKind(typ string) SocketKind {
	switch typ {
	case upstreamTLS, downstreamTLS, upstreamTLSv2, downstreamTLSv2:
		return TLS
	case rawBuffer, rawBufferV2:
		return Raw
	case internalTunnel:
		return Tunnel
	case proxyProtocol:
		return ProxyHeader
	case quicDownstream, quicUpstream:
		return OtherSocket
	}
	if r.err == nil {
		r.note("transport socket " + typ)
	}
	return OtherSocket
}

// wrapperField reads the field that holds the wrapped socket.
func (r *reader) wrapperField(p *socketParts, typ string, key []byte) {
	switch string(key) {
	case "transport_socket":
		p.inner = r.socket()
	case "tls_socket_config": // starttls has a message for either side
		if typ == upstreamStartTLS {
			p.inner = r.nestedTLS(upstreamTLS)
			return
		}
		p.inner = r.nestedTLS(downstreamTLS)
	case "downstream_tls_context":
		p.inner = r.nestedTLS(downstreamTLS)
	case "upstream_tls_context":
		p.inner = r.nestedTLS(upstreamTLS)
	default:
		r.skip()
	}
}

// nestedTLS reads a TLS context where the schema fixes its type: there is no @type.
func (r *reader) nestedTLS(typ string) *TransportSocket {
	p := socketParts{kind: TLS, typ: typ}
	var unmodelled []string
	if r.kind() == 'n' {
		r.skip()
		return nil
	}
	r.object(func(key []byte) { r.tlsField(&p, &unmodelled, shortName(typ), key) })
	p.unmodelled = strings.Join(unmodelled, " ")
	return r.intern(p)
}

func shortName(typ string) string { return typ[strings.LastIndexByte(typ, '.')+1:] }

// tlsField reads one field of an UpstreamTlsContext or DownstreamTlsContext.
func (r *reader) tlsField(p *socketParts, unmodelled *[]string, message string, key []byte) {
	switch string(key) {
	case "common_tls_context":
		p.common = memo(r, "common_tls_context", (*reader).commonTLS)
	case "sni":
		p.sni = r.str()
	case "auto_host_sni":
		p.autoHostSNI = r.boolean()
	case "auto_sni_san_validation":
		p.autoSANValidation = r.boolean()
	case "require_client_certificate":
		p.requireCertificate = r.wrapped()
	default:
		r.unknown(unmodelled, message, key)
	}
}

// intern gives the one socket made of these parts.
func (r *reader) intern(p socketParts) *TransportSocket {
	if r.err != nil {
		return nil
	}
	return same(r.in, p, p.build)
}

func (p socketParts) build() *TransportSocket {
	s := &TransportSocket{Kind: p.kind, TypeURL: p.typ, Inner: p.inner}
	if p.kind != TLS {
		return s
	}
	ctx := TLSContext{}
	if p.common != nil {
		ctx = *p.common
	}
	ctx.SNI, ctx.AutoHostSNI, ctx.AutoSANValidation = p.sni, p.autoHostSNI, p.autoSANValidation
	ctx.RequireClientCertificate = p.requireCertificate
	ctx.Unmodelled = append(append([]string(nil), ctx.Unmodelled...), strings.Fields(p.unmodelled)...)
	s.TLS = &ctx
	return s
}
