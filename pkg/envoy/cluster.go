package envoy

import "strings"

// cluster reads a Cluster in an Any, nil if it is of another API or was not read whole.
func (r *reader) cluster() *Cluster {
	c := newCluster()
	typ := r.any(func(typ string, key []byte) {
		if isV2(typ) {
			r.skip()
			return
		}
		r.clusterField(c, key)
	})
	if r.err != nil || r.sawV2(typ) {
		return nil
	}
	return c.done()
}

// clusterParts is a cluster while it is being read.
type clusterParts struct {
	Cluster
	typed, old httpOptions
}

// httpOptions are the HTTP options of a cluster: as the extension HttpProtocolOptions, or as
// fields of the cluster itself, which Envoy ignores when the extension is there.
type httpOptions struct {
	set                        bool
	autoSNI, autoSANValidation bool
	http                       UpstreamHTTP
}

func newCluster() *clusterParts { return &clusterParts{Cluster: Cluster{Type: "STATIC"}} }

func (c *clusterParts) done() *Cluster {
	o := c.old
	if c.typed.set {
		o = c.typed
	}
	c.AutoSNI, c.AutoSANValidation, c.HTTP = o.autoSNI, o.autoSANValidation, o.http
	return &c.Cluster
}

func (r *reader) clusterField(c *clusterParts, key []byte) {
	switch string(key) {
	case "name":
		c.Name = r.str()
	case "type":
		c.Type = r.enum("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")
	case "cluster_type":
		c.Type = r.customType()
	case "eds_cluster_config":
		r.object(func(key []byte) {
			if string(key) == "service_name" {
				c.ServiceName = r.str()
				return
			}
			r.skip()
		})
	case "load_assignment":
		a := assignment{}
		r.object(func(key []byte) { r.assignmentField(&a, key) })
		c.Endpoints = a.endpoints
	case "common_lb_config":
		r.object(func(key []byte) {
			if string(key) == "healthy_panic_threshold" && r.kind() != 'n' {
				c.PanicThreshold = r.percent()
				return
			}
			r.skip()
		})
	case "metadata":
		r.clusterMetadata(&c.Cluster)
	case "transport_socket", "transport_socket_matches", "transport_socket_matcher", "tls_context":
		r.clusterSocket(&c.Cluster, key)
	default:
		r.clusterProtocol(c, key)
	}
}

// clusterSocket reads the fields that decide how bytes travel.
func (r *reader) clusterSocket(c *Cluster, key []byte) {
	switch string(key) {
	case "transport_socket":
		c.Socket = r.socket()
	case "tls_context": // v2, which Envoy accepted inside v3 until 1.17
		c.Socket = r.nestedTLS(upstreamTLSv2)
	case "transport_socket_matches":
		r.list(func() { c.Matches = append(c.Matches, r.socketMatch(c)) })
	case "transport_socket_matcher":
		c.HasMatcher = r.kind() != 'n'
		r.unknown(&c.Unmodelled, "Cluster", key)
	}
}

// clusterProtocol reads the fields that decide SNI, ALPN and the address dialled.
func (r *reader) clusterProtocol(c *clusterParts, key []byte) {
	switch string(key) {
	case "original_dst_lb_config":
		r.object(func(key []byte) { r.originalDstField(&c.Cluster, key) })
	case "typed_extension_protocol_options":
		r.entries(func(string) { r.protocolOptions(&c.typed) })
	case "upstream_http_protocol_options", "http2_protocol_options", "protocol_selection": // before Envoy 1.17
		r.httpOptionsField(&c.old, key)
	default:
		r.skip()
	}
}

func (r *reader) originalDstField(c *Cluster, key []byte) {
	switch string(key) {
	case "use_http_header":
		c.UseHTTPHeader = r.boolean()
	case "upstream_port_override":
		c.PortOverride = r.u32()
	default:
		r.skip()
	}
}

const httpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// protocolOptions reads one of typed_extension_protocol_options, if it is the HTTP one.
func (r *reader) protocolOptions(o *httpOptions) {
	typ := r.any(func(typ string, key []byte) {
		if typ == httpProtocolOptions {
			r.httpOptionsField(o, key)
			return
		}
		r.skip()
	})
	o.set = o.set || typ == httpProtocolOptions
}

// httpOptionsField reads a field of upstreams.http.v3.HttpProtocolOptions, or of those of Cluster that came before it.
func (r *reader) httpOptionsField(o *httpOptions, key []byte) {
	switch string(key) {
	case "upstream_http_protocol_options":
		r.object(func(key []byte) {
			switch string(key) {
			case "auto_sni":
				o.autoSNI = r.boolean()
			case "auto_san_validation":
				o.autoSANValidation = r.boolean()
			default:
				r.skip()
			}
		})
	case "explicit_http_config":
		r.object(func(key []byte) { r.httpOptionsField(o, key) })
	case "http2_protocol_options":
		if o.http == HTTP1 {
			r.chooses(o, HTTP2)
			return
		}
		r.skip()
	case "use_downstream_protocol_config":
		r.chooses(o, HTTPAsCalled)
	case "auto_config":
		r.chooses(o, HTTPByALPN)
	case "protocol_selection":
		if r.enum("USE_CONFIGURED_PROTOCOL", "USE_DOWNSTREAM_PROTOCOL") == "USE_DOWNSTREAM_PROTOCOL" {
			o.http = HTTPAsCalled
		}
	default:
		r.skip()
	}
}

// chooses notes a way to the version of HTTP, if it is set.
func (r *reader) chooses(o *httpOptions, http UpstreamHTTP) {
	if r.kind() != 'n' {
		o.http = http
	}
	r.skip()
}

func (r *reader) socketMatch(c *Cluster) (m SocketMatch) {
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			m.Name = r.str()
		case "match":
			m.Match = r.labels()
		case "transport_socket":
			m.Socket = r.socket()
		default:
			r.unknown(&c.Unmodelled, "TransportSocketMatch", key)
		}
	})
	return m
}

func (r *reader) clusterMetadata(c *Cluster) {
	c.Config = r.istioMetadata(func(key string) {
		switch key {
		case "services":
			r.list(func() { c.Services = append(c.Services, r.serviceRef()) })
		case "alpn_override":
			c.KeepsALPN = r.str() == "false"
		default:
			r.skip()
		}
	})
}

func (r *reader) serviceRef() (s ServiceRef) {
	r.entries(func(key string) {
		switch key {
		case "host":
			s.Host = r.str()
		case "name":
			s.Name = r.str()
		case "namespace":
			s.Namespace = r.str()
		default:
			r.skip()
		}
	})
	return s
}

// customType reads cluster_type. The built-in types have names there too.
func (r *reader) customType() (typ string) {
	logical := false
	r.object(func(key []byte) {
		switch string(key) {
		case "name":
			typ = r.str()
		case "typed_config":
			r.any(func(_ string, key []byte) {
				if string(key) == "all_addresses_in_single_endpoint" {
					logical = r.boolean()
					return
				}
				r.skip()
			})
		default:
			r.skip()
		}
	})
	return builtinType(typ, logical)
}

func builtinType(name string, logical bool) string {
	switch strings.TrimPrefix(name, "envoy.cluster.") {
	case "eds":
		return "EDS"
	case "static":
		return "STATIC"
	case "strict_dns":
		return "STRICT_DNS"
	case "logical_dns":
		return "LOGICAL_DNS"
	case "original_dst":
		return "ORIGINAL_DST"
	case "dns":
		if logical {
			return "LOGICAL_DNS"
		}
		return "STRICT_DNS"
	}
	return name
}
