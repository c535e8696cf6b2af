// Package handshake replays connections on paper: for a client pod, a destination and an
// endpoint it follows the packets through both proxies' live config and says what happens.
//
// The steps, each in a file of its own:
//
//	engine.go       who dials what: every pair that the registry knows
//	target.go       or one that the user names
//	dial.go         what a name resolves to
//	client.go       is the traffic captured; which listener of the client's proxy takes it
//	route.go        which clusters it leads to
//	upstream.go     which endpoints, and with which transport socket
//	rotation.go     and which of them Envoy calls, by their health
//	wire.go         what then travels: clear text, the application's TLS, or the proxy's
//	server.go       is the port captured; what the listener filters see; which filter chain
//	chain.go        what that chain does with it
//	passthrough.go  and where a gateway passes TLS on to
//	match.go        Envoy's filter chain matching
//	tls.go          certificates of both sides, SAN matchers
//	tlsparams.go    versions, cipher suites, curves
//	authz.go        RBAC filters: connects, then is refused
//	app.go          what the bare application gets
//
// What is replayed: every client pod against every host and port of the registry, at each address
// that the host's name resolves to. A Service resolves to its virtual IPs, a headless one to the pods
// that are ready, a ServiceEntry to its addresses or to what DNS says, for only proxies know its
// endpoints. Of a pod's calls of its own Services those are replayed that lead to another endpoint: all
// replicas would otherwise count themselves. A call that ends in the client's own pod is an edge where a
// route leads there from another's name; a pod that dials its own address bypasses every proxy and is
// none.
//
// A step that fails is recorded as a blocker and the replay goes on as if it had passed, so
// that one repair does not uncover the next. Everything here is a pure function of a
// mesh.Snapshot; where real Envoy and this package disagree, Envoy is right.
package handshake
