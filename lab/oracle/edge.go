package oracle

import (
	"fmt"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Edges are the ways of all connections, by who calls what as which resource declares it: a host
// that two declare is called in two ways, and of one of them there may be no endpoint.
type Edges map[Call][]Way

// Call is one destination of one client.
type Call struct {
	Client kube.Key
	Host   string
	Port   int
	// By is the Service or ServiceEntry that declares the host.
	By kube.Ref
}

// String is one line.
func (c Call) String() string {
	return fmt.Sprintf("%s calls %s:%d of %s", c.Client, c.Host, c.Port, c.By)
}

// Way is how one connection goes.
type Way struct {
	// Cluster is the client's cluster, "direct" without a proxy, "" when the connection is stopped.
	Cluster string
	// Endpoint is where it leads, address and port.
	Endpoint string
	// Socket is what the client's proxy adds: plaintext, mtls, tls.
	Socket string
	// Chain is the server's filter chain, "" when none takes it or there is no proxy.
	Chain string
	// Result says what comes of it.
	Result Result
}

// Result is what comes of a connection, as far as a model without certificates can tell.
type Result string

// The results.
const (
	Stopped     Result = "stopped in the client's proxy"
	Outside     Result = "leads outside the mesh"
	MutualTLS   Result = "mTLS"
	ClearText   Result = "plaintext"
	AppTLS      Result = "the application's TLS"
	TLSEnds     Result = "TLS without a client certificate"
	TLSAtApp    Result = "the proxy's TLS reaches the application"
	NoChain     Result = "no filter chain"
	NotTLS      Result = "plaintext, and TLS is required"
	Certificate Result = "a certificate of the mesh is required"
	Protocol    Result = "another protocol than the filter chain's"
	Unknown     Result = "unknown"
	Ambiguous   Result = "several filter chains"
)

// String is one line.
func (w Way) String() string {
	if w.Result == Stopped {
		return string(Stopped)
	}
	return fmt.Sprintf("via %s to %s, %s, chain %q: %s", w.Cluster, w.Endpoint, w.Socket, w.Chain, w.Result)
}

func (e Edges) add(k Call, w Way) {
	if w.Result == Stopped {
		w = Way{Result: Stopped}
	}
	if !slices.Contains(e[k], w) {
		e[k] = append(e[k], w)
	}
}
