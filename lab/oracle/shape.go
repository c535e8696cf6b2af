package oracle

import (
	"fmt"
	"maps"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// Socket is what a transport socket of a client does.
type Socket struct {
	Shape policy.Shape // mtls, tls or plaintext
	SNI   string
	SANs  []string // exact subject alternative names that the server must bear one of
	ALPN  []string
}

// socketOf reads a transport socket; nil and raw buffers are plaintext.
func socketOf(s *core.TransportSocket) (Socket, error) {
	ctx := new(tls.UpstreamTlsContext)
	switch {
	case s == nil, s.Name == "envoy.transport_sockets.raw_buffer":
		return Socket{Shape: policy.ShapePlaintext}, nil
	case !s.GetTypedConfig().MessageIs(ctx):
		return Socket{}, fmt.Errorf("transport socket %s", s.Name)
	}
	if err := s.GetTypedConfig().UnmarshalTo(ctx); err != nil {
		return Socket{}, err
	}
	common := ctx.GetCommonTlsContext()
	out := Socket{Shape: policy.ShapeTLS, SNI: ctx.GetSni(), ALPN: common.GetAlpnProtocols()}
	if certs := common.GetTlsCertificateSdsSecretConfigs(); len(certs) > 0 && certs[0].Name == "default" {
		out.Shape = policy.ShapeMTLS
	}
	for _, m := range common.GetCombinedValidationContext().GetDefaultValidationContext().GetMatchSubjectAltNames() { //nolint:staticcheck // istiod still sends the old field
		out.SANs = append(out.SANs, m.GetExact())
	}
	slices.Sort(out.SANs)
	return out, nil
}

// Cluster is what a client's cluster does.
type Cluster struct {
	Shape       policy.Shape // auto where it decides by endpoint
	Socket      Socket       // the TLS of an auto cluster, else the only one
	OriginalDst bool
	Config      string // the DestinationRule's resource in metadata istio.config
}

// clusterOf reads a cluster.
func clusterOf(c *cluster.Cluster) (Cluster, error) {
	out := Cluster{OriginalDst: c.GetType() == cluster.Cluster_ORIGINAL_DST}
	out.Config = c.GetMetadata().GetFilterMetadata()["istio"].GetFields()["config"].GetStringValue()
	var err error
	matches := c.GetTransportSocketMatches()
	if len(matches) == 0 {
		out.Socket, err = socketOf(c.GetTransportSocket())
		out.Shape = out.Socket.Shape
		return out, err
	}
	out.Shape = policy.ShapeAuto
	out.Socket, err = socketOf(matches[0].GetTransportSocket())
	return out, err
}

// socketFor is the socket that a cluster uses for an endpoint with these marks
// (cluster.proto, transport_socket_matches: the first whose every value the endpoint has).
func socketFor(c *cluster.Cluster, marks map[string]string) (Socket, error) {
	for _, m := range c.GetTransportSocketMatches() {
		fits := true
		for k, v := range m.GetMatch().GetFields() {
			fits = fits && marks[k] == v.GetStringValue()
		}
		if fits {
			return socketOf(m.GetTransportSocket())
		}
	}
	return socketOf(c.GetTransportSocket())
}

// marksOf are an endpoint's envoy.transport_socket_match metadata.
func marksOf(e *endpoint.LbEndpoint) map[string]string {
	out := map[string]string{}
	for k, v := range e.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"].GetFields() {
		out[k] = v.GetStringValue()
	}
	return out
}

// InboundMode reads from the inbound listener what a container port accepts: STRICT when every
// chain for it ends mutual TLS, DISABLE when none does, PERMISSIVE when some do. The chains of
// port 0 are those for every port that has none of its own.
func (p *Proxy) InboundMode(port uint32) policy.Mode {
	var own, rest modes
	for _, fc := range p.Listener("virtualInbound").GetFilterChains() {
		switch to := fc.GetFilterChainMatch().GetDestinationPort().GetValue(); {
		case to == port && port != 0:
			own.add(fc)
		case to == 0:
			rest.add(fc)
		}
	}
	if own != (modes{}) {
		return own.mode()
	}
	return rest.mode()
}

// InboundPorts are the ports with chains of their own, sorted.
func (p *Proxy) InboundPorts() []uint32 {
	set := map[uint32]bool{}
	for _, fc := range p.Listener("virtualInbound").GetFilterChains() {
		if to := fc.GetFilterChainMatch().GetDestinationPort().GetValue(); to != 0 && to != 15006 {
			set[to] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// modes counts chains by what they take.
type modes struct{ tls, clear int }

func (m *modes) add(fc *listener.FilterChain) {
	if fc.GetTransportSocket() == nil {
		m.clear++
	} else {
		m.tls++
	}
}

func (m modes) mode() policy.Mode {
	switch {
	case m.clear == 0 && m.tls > 0:
		return policy.Strict
	case m.tls == 0 && m.clear > 0:
		return policy.Disable
	case m.tls > 0:
		return policy.Permissive
	}
	return policy.Unknown
}
