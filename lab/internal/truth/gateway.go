package truth

import (
	"cmp"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/probe"
)

// throughGateway are the two connections of a call through a gateway: to it, and from it to the
// service behind. An HTTP answer, whatever its status, proves the first one. The gateways of
// scenarios ask no client for a certificate of the mesh, so that it is never mutual TLS.
func (e evidence) throughGateway(a attempt, r probe.Result, o outcome) []Pair {
	gateway := a.target.endpoints[0]
	first, second := a, a
	reached := r
	if reached.OK = r.OK || r.Status != 0; reached.OK {
		reached.Error = ""
	}
	none := false
	to := outcome{endpoint: &gateway}
	if reached.OK {
		to.mtls = &none
	}
	var pairs []Pair
	if a.Call.Kind == probe.HTTP || a.target.asks == a.target.to.Host { // by SNI a gateway takes one name and refuses another
		pairs = append(pairs, e.pair(first, reached, to))
	}
	if !reached.OK {
		return pairs
	}
	behind := a.target.behind
	second.client = gateway
	second.target.to = To{
		Namespace: behind.Namespace, Service: behind.Service, Host: cmp.Or(behind.Host, host(behind.Namespace, behind.Service)),
		Port: behind.Port, PortName: string(a.Call.Kind),
	}
	if !r.OK {
		o = outcome{}
	}
	return append(pairs, e.pair(second, r, o))
}
