// Package handshake replays connections on paper: for a client pod, a destination and an
// endpoint it follows the packets through both proxies' live config and says what happens.
//
// The steps, each in a file of its own:
//
//	engine.go   who dials what: every pair that the registry knows, or one that the user names
//	client.go   is the traffic captured; which listener, route, cluster, endpoint, transport socket
//	wire.go     what then travels: clear text, the application's TLS, or the proxy's
//	server.go   is the port captured; what the listener filters see; which filter chain; the application
//	match.go    Envoy's filter chain matching
//	tls.go      versions, certificates of both sides, SAN matchers
//	authz.go    RBAC filters: connects, then is refused
//
// A step that fails is recorded as a blocker and the replay goes on as if it had passed, so
// that one repair does not uncover the next. Everything here is a pure function of a
// mesh.Snapshot; where real Envoy and this package disagree, Envoy is right.
package handshake
