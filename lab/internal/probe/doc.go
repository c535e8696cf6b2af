// Package probe is the part of the instrument that runs inside pods: it makes calls as the pod's
// application would (Drive), and watches which of their bytes are in clear where (Watch).
//
// Every call carries a token of its own in bytes that whoever sends them does not encrypt by
// itself: the path of an HTTP request, the body of one over HTTP/2, the message of a gRPC call, the
// line of a TCP echo, the ALPN list of a ClientHello.
// The token seen in clear on the wire of the pod that answered means that no proxy encrypted
// the call; seen in clear only behind that pod's proxy, it means that the proxy took TLS off.
// Neither names, nor logs, nor ports are needed to tell the two apart, so nothing that a policy
// can set (an SNI, a filter chain without log, a route to another host) can deceive it.
package probe

import "regexp"

// Token is the pattern of a call's token.
var Token = regexp.MustCompile(`q[0-9]{5}x`)

// Call is one call to make.
type Call struct {
	Token   string
	Kind    Kind
	Host    string // what HTTP and TLS are told
	Port    int
	Path    string // of HTTP and HTTP2; the former adds the token
	Address string // IP:PORT to connect to
}

// Kind is what a client speaks.
type Kind string

// The kinds. HTTP is HTTP/1.1, HTTP2 has no TLS and prior knowledge, GRPC is the health service.
const (
	HTTP  Kind = "http"
	HTTP2 Kind = "http2"
	GRPC  Kind = "grpc"
	HTTPS Kind = "https"
	TCP   Kind = "tcp"
)

// Result is what the client saw of a call. Times are in nanoseconds since 1970.
type Result struct {
	Token      string
	OK         bool
	Status     int    // of an HTTP answer
	Body       string // the first bytes of the answer
	Error      string
	Local      string // IP:PORT of the client's end
	Start, End int64
}

// Leg is where a token was seen in clear.
type Leg string

// The legs. Wire is what reached the pod, before its proxy; Delivered is what the proxy, if
// there is one, gave to the application.
const (
	Wire      Leg = "wire"
	Delivered Leg = "delivered"
)

// Sighting is a token seen in clear.
type Sighting struct {
	Token string
	Leg   Leg
	From  string // IP:PORT
	To    string
}

// Dial is a packet with which the pod began, or went on with, a connection to another one.
type Dial struct {
	At    int64
	To    string // IP:PORT
	Began bool   // it is the connection's first packet
}

// Seen is all that a watch saw.
type Seen struct {
	Sightings []Sighting
	Dials     []Dial
	// Dropped counts packets that came faster than they were read: not 0 means that not seen is not proof.
	Dropped int
}
