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
//	http.go         which version of HTTP either side speaks
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
// A mesh of 10,000 pods and 1,000 services has 50 million connections, more than fit into memory as
// edges. Classes therefore replays one connection of each class that ends alike, and says which pods
// are its members:
//
//	class.go    one class after the other
//	cohort.go   clients whose proxies send alike
//	alike.go    endpoints whose proxies take alike
//	profile.go  and what tells both apart all the same: certificates, identities, addresses
//
// Two pods are taken for alike only if all that a replay looks at was compared. What an edge rests on
// names its pods, and is therefore the replayed connection's; Edges gives it for every pair.
//
// A step that fails is recorded as a blocker and the replay goes on as if it had passed, so
// that one repair does not uncover the next. Everything here is a pure function of a
// mesh.Snapshot; where real Envoy and this package disagree, Envoy is right.
package handshake
