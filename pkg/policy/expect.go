package policy

// Shape is what istiod builds into a client's cluster.
type Shape string

// The shapes of a cluster's transport.
const (
	ShapeAuto      Shape = "auto"      // transport_socket_matches: TLS or plaintext by endpoint
	ShapeMTLS      Shape = "mtls"      // one transport_socket with the mesh's certificates
	ShapeTLS       Shape = "tls"       // one transport_socket of SIMPLE or MUTUAL
	ShapePlaintext Shape = "plaintext" // neither
	ShapeUnknown   Shape = "unknown"
)

// Endpoints is what istiod's cache knows of the endpoints of a service port. It may be stale.
type Endpoints string

// What decides for ORIGINAL_DST clusters.
const (
	EndpointsUnknown  Endpoints = "unknown"
	EndpointsMeshed   Endpoints = "meshed"   // at least one, and none has tlsMode disabled
	EndpointsDisabled Endpoints = "disabled" // at least one has tlsMode disabled
	EndpointsNone     Endpoints = "none"
)

// Target is the service and the kind of client of an expectation.
type Target struct {
	External  bool // MESH_EXTERNAL ServiceEntry or ExternalName
	Headless  bool // a headless Service, or a ServiceEntry with resolution NONE
	Gateway   bool // the client is a gateway
	Endpoints Endpoints
}

// Expected is a cluster as istiod would build it.
type Expected struct {
	Shape       Shape
	OriginalDst bool   // the cluster's type is ORIGINAL_DST
	Why         string // a clause
}

// ExpectedClient says which cluster istiod would build. AutoMTLS is the mesh config's
// enableAutoMtls, server the mode of the service's namespace (ForNamespace), tls what the
// DestinationRules ask for.
func ExpectedClient(autoMTLS bool, server Derivation, tls ClientTLS, to Target) Expected {
	return Expected{}
}
