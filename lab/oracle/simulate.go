package oracle

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"istio.io/istio/pilot/pkg/simulation"
	"istio.io/istio/pkg/config/protocol"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/policy"
)

// Simulate is what istiod's own simulation says of every connection, with what it leaves out,
// the client's transport socket, read from the cluster and the endpoint.
func (i *Istiod) Simulate() (Edges, error) {
	s := &simulator{Istiod: i, out: Edges{}, pods: map[string]*kube.Pod{}}
	for _, p := range i.Resources.Pods {
		s.pods[p.Status.PodIP] = p
	}
	for _, p := range i.Resources.Pods {
		for _, d := range i.Dials() {
			if d.Address != p.Status.PodIP { // what a pod sends to itself bypasses its proxy
				s.dial(p, d)
			}
		}
	}
	return s.out, errors.Join(s.errs...)
}

type simulator struct {
	*Istiod
	out  Edges
	pods map[string]*kube.Pod // by address
	errs []error
}

// dial follows one call from a pod.
func (s *simulator) dial(client *kube.Pod, d Dial) {
	add := func(w Way) { s.out.add(Call{client.Key(), d.Host, d.Port, d.By}, w) }
	proxy := s.Proxy(client.Key())
	if proxy == nil {
		for _, a := range d.Direct {
			if a.Host != client.Status.PodIP {
				add(s.arrive(d, a, Way{Cluster: "direct"}, Socket{Shape: policy.ShapePlaintext}, false))
			}
		}
		return
	}
	res := proxy.Simulation.Run(s.application(d, d.Address, d.Port, simulation.CallModeOutbound))
	names := proxy.upstreams(res)
	if len(names) == 0 && len(d.Direct) > 0 {
		add(Way{Result: Stopped})
	}
	for _, name := range names {
		c := proxy.cluster(name)
		if c == nil || name == "BlackHoleCluster" {
			add(Way{Result: Stopped})
			continue
		}
		for _, e := range proxy.endpoints(c, d) {
			if e.address.Host == client.Status.PodIP && slices.Contains(d.Members, e.address.Host) {
				continue // a pod that calls its own service is no edge
			}
			socket, err := socketFor(c, e.marks)
			if err != nil {
				s.errs = append(s.errs, err)
			}
			add(s.arrive(d, e.address, Way{Cluster: name}, socket, res.VirtualHostMatched != ""))
		}
	}
}

// application is the call of the application itself.
func (s *simulator) application(d Dial, address string, port int, mode simulation.CallMode) simulation.Call {
	c := simulation.Call{Address: address, Port: port, CallMode: mode, HostHeader: d.name(), TLS: simulation.Plaintext}
	if d.Port != 80 {
		c.HostHeader = net.JoinHostPort(d.name(), strconv.Itoa(d.Port))
	}
	switch p := d.Protocol; {
	case p.IsTLS():
		c.Protocol, c.TLS, c.Alpn, c.Sni = simulation.TCP, simulation.TLS, "h2", d.name()
	case p.IsHTTP2():
		c.Protocol = simulation.HTTP2
	case p.IsHTTP(), p == protocol.Unsupported:
		c.Protocol = simulation.HTTP
	default:
		c.Protocol = simulation.TCP
	}
	return c
}

// arrive sends what is on the wire to an endpoint.
func (s *simulator) arrive(d Dial, a Address, w Way, socket Socket, http bool) Way {
	w.Socket, w.Endpoint = string(socket.Shape), fmt.Sprintf("%s:%d", a.Host, a.Port)
	pod := s.pods[a.Host]
	if pod == nil {
		w.Result = Outside
		return w
	}
	call := s.application(d, a.Host, a.Port, simulation.CallModeInbound)
	if socket.Shape != policy.ShapePlaintext {
		call.Sni, call.Alpn, call.TLS = socket.SNI, alpn(socket, http, d.Protocol), simulation.TLS
		if socket.Shape == policy.ShapeMTLS {
			call.TLS = simulation.MTLS
		}
	}
	proxy := s.Proxy(pod.Key())
	if proxy == nil {
		w.Result = arrived(call, d)
		return w
	}
	res := proxy.Simulation.Run(call)
	w.Chain = res.FilterChainMatched
	w.Result = proxy.served(res, call, d)
	return w
}

// alpn is what Istio's ALPN filter leaves of a cluster's protocols, the first of them.
func alpn(s Socket, http bool, p protocol.Instance) string {
	switch {
	case s.Shape == policy.ShapeMTLS && http && p.IsHTTP2():
		return "istio-h2"
	case s.Shape == policy.ShapeMTLS && http:
		return "istio-http/1.1"
	case s.Shape == policy.ShapeMTLS:
		return "istio"
	case len(s.ALPN) > 0:
		return s.ALPN[0]
	}
	return "" // the simulation puts in Envoy's default of the protocol
}

// arrived is what a bare application gets.
func arrived(call simulation.Call, d Dial) Result {
	switch {
	case call.TLS == simulation.Plaintext:
		return ClearText
	case call.TLS == simulation.TLS && d.Protocol.IsTLS() && call.Sni == d.name() && call.Alpn == "h2":
		return AppTLS
	}
	return TLSAtApp
}

// served is what comes of a connection at a server's proxy.
func (p *Proxy) served(res simulation.Result, call simulation.Call, d Dial) Result {
	switch {
	case errors.Is(res.Error, simulation.ErrNoFilterChain):
		return NoChain
	case errors.Is(res.Error, simulation.ErrTLSError):
		return NotTLS
	case errors.Is(res.Error, simulation.ErrMTLSError):
		return Certificate
	case errors.Is(res.Error, simulation.ErrProtocolError) && !p.endsTLS(res) && call.TLS != simulation.Plaintext:
		return TLSAtApp // or rather at the HTTP filter in front of it
	case errors.Is(res.Error, simulation.ErrProtocolError):
		return Protocol
	case errors.Is(res.Error, simulation.ErrMultipleFilterChain):
		return Ambiguous
	case res.Error != nil:
		return Result(res.Error.Error())
	}
	if p.endsTLS(res) {
		return MutualTLS
	}
	return arrived(call, d)
}

// endsTLS reports whether the filter chain that was taken has a TLS socket.
func (p *Proxy) endsTLS(res simulation.Result) bool {
	for _, fc := range p.Listener(res.ListenerMatched).GetFilterChains() {
		if fc.Name == res.FilterChainMatched && fc.GetTransportSocket() != nil {
			return true
		}
	}
	return false
}

func (p *Proxy) cluster(name string) *cluster.Cluster {
	for _, c := range p.Simulation.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// target is an endpoint with its transport socket marks.
type target struct {
	address Address
	marks   map[string]string
}

// endpoints are those of a cluster: what EDS gave, what the cluster holds, or, for ORIGINAL_DST,
// where the application dialled.
func (p *Proxy) endpoints(c *cluster.Cluster, d Dial) []target {
	var list []*endpoint.LbEndpoint
	switch c.GetType() {
	case cluster.Cluster_ORIGINAL_DST:
		var out []target
		for _, a := range d.Direct {
			if port := c.GetOriginalDstLbConfig().GetUpstreamPortOverride().GetValue(); port != 0 {
				a.Port = int(port)
			}
			out = append(out, target{address: a})
		}
		return out
	case cluster.Cluster_EDS:
		for _, a := range p.Endpoints {
			if a.ClusterName == c.Name {
				list = assigned(a)
			}
		}
	default:
		list = assigned(c.GetLoadAssignment())
	}
	return unique(list)
}

// unique drops what Envoy does: an address that is listed again, and one that is not ready, for
// istiod turns the panic off in which Envoy calls it all the same.
func unique(list []*endpoint.LbEndpoint) []target {
	var out []target
	seen := map[Address]bool{}
	for _, e := range list {
		at := e.GetEndpoint().GetAddress().GetSocketAddress()
		a := Address{at.GetAddress(), int(at.GetPortValue())}
		if !seen[a] && e.HealthStatus != core.HealthStatus_UNHEALTHY {
			out = append(out, target{a, marksOf(e)})
		}
		seen[a] = true
	}
	return out
}
