package envoy

import "fmt"

// assignment is a ClusterLoadAssignment.
type assignment struct {
	cluster   string
	endpoints []Endpoint
}

func (r *reader) assignmentField(a *assignment, key []byte) {
	switch string(key) {
	case "cluster_name":
		a.cluster = r.str()
	case "endpoints":
		r.list(func() { a.endpoints = append(a.endpoints, r.locality()...) })
	default:
		r.skip()
	}
}

// locality reads a LocalityLbEndpoints; its priority may stand after its endpoints.
func (r *reader) locality() (endpoints []Endpoint) {
	var priority uint32
	r.object(func(key []byte) {
		switch string(key) {
		case "priority":
			priority = r.u32()
		case "lb_endpoints":
			r.list(func() { endpoints = append(endpoints, r.lbEndpoint()) })
		default:
			r.skip()
		}
	})
	for i := range endpoints {
		endpoints[i].Priority = priority
	}
	return endpoints
}

func (r *reader) lbEndpoint() (e Endpoint) {
	r.object(func(key []byte) {
		switch string(key) {
		case "endpoint":
			r.endpoint(&e)
		case "health_status":
			e.Health = r.health()
		case "metadata":
			m := r.endpointMetadata() // nearly every endpoint's is its own
			e.SocketMatch, e.Workload = m.match, m.workload
		case "load_balancing_weight":
			e.Weight = r.u32()
		default:
			r.skip()
		}
	})
	return e
}

func (r *reader) health() string {
	h := r.enum("UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED")
	if h == "UNKNOWN" {
		return ""
	}
	return h
}

// endpoint reads an endpoint.v3.Endpoint. Its hostname counts where there is no address:
// beside one it is only a name that the control plane or Envoy made up.
func (r *reader) endpoint(e *Endpoint) {
	var a address
	var hostname string
	r.object(func(key []byte) {
		switch string(key) {
		case "address":
			a = r.address()
		case "hostname":
			hostname = r.str()
		default:
			r.skip()
		}
	})
	e.Address, e.Pipe, e.Internal = a.ip, a.pipe, a.internal
	switch {
	case a.host != "":
		e.Hostname, e.Port = a.host, a.port
	case !a.ip.IsValid():
		e.Hostname = hostname
	}
}

// endpointMeta is what endpoint metadata decides.
type endpointMeta struct {
	match    map[string]string
	workload string
}

func (r *reader) endpointMetadata() (m endpointMeta) {
	r.filterMetadata(func(filter string) {
		switch filter {
		case "envoy.transport_socket_match":
			m.match = memo(r, "labels", (*reader).labels)
		case "istio":
			r.entries(func(key string) {
				if key == "workload" {
					m.workload = r.str()
					return
				}
				r.skip()
			})
		default:
			r.skip()
		}
	})
	return m
}

// istioMetadata reads what istiod notes about its own config in a core.v3.Metadata (pilot/pkg/networking/util,
// AddConfigInfoMetadata). It returns config, the resource that something was made from, and hands on the other keys.
func (r *reader) istioMetadata(other func(key string)) (config string) {
	r.filterMetadata(func(filter string) {
		if filter != "istio" {
			r.skip()
			return
		}
		r.entries(func(key string) {
			if key == "config" {
				config = r.str()
				return
			}
			other(key)
		})
	})
	return config
}

// origin reads a metadata of which only the resource counts that something was made from.
func (r *reader) origin() string { return r.istioMetadata(func(string) { r.skip() }) }

// filterMetadata reads the filter_metadata of a core.v3.Metadata.
func (r *reader) filterMetadata(entry func(filter string)) {
	r.object(func(key []byte) {
		if string(key) != "filter_metadata" {
			r.skip()
			return
		}
		r.entries(entry)
	})
}

// labels reads a flat Struct. Equal ones are the same map; a nested value is kept as its
// JSON, which equals only itself.
func (r *reader) labels() map[string]string {
	m := map[string]string{}
	r.entries(func(key string) {
		if k := r.kind(); k == '{' || k == '[' {
			m[key] = string(r.raw())
			return
		}
		m[key] = r.str()
	})
	return same(r.in, labelsContent(fmt.Sprintf("%q", m)), func() map[string]string { return m })
}

type labelsContent string
