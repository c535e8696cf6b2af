package policy

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Shape is what istiod builds into a client's cluster.
type Shape string

// The shapes of a cluster's transport.
const (
	ShapeAuto      Shape = "auto"      // transport_socket_matches: TLS or plaintext by endpoint
	ShapeMTLS      Shape = "mtls"      // one transport_socket with the mesh's certificates
	ShapeTLS       Shape = "tls"       // one transport_socket of SIMPLE or MUTUAL
	ShapePlaintext Shape = "plaintext" // neither
	ShapeNone      Shape = "none"      // there is no such cluster
	ShapeUnknown   Shape = "unknown"
)

// Endpoints is what istiod knows of the endpoints of a service port. It may be stale: the
// cache is rebuilt only when a Service changes.
type Endpoints string

// What decides for clusters whose endpoints istiod looks at.
const (
	EndpointsUnknown  Endpoints = ""
	EndpointsMeshed   Endpoints = "meshed"   // at least one, and none has tlsMode disabled
	EndpointsDisabled Endpoints = "disabled" // at least one has tlsMode disabled
	EndpointsNone     Endpoints = "none"
)

// Target is the service and the kind of client of an expectation.
type Target struct {
	External  bool // a MESH_EXTERNAL ServiceEntry or an ExternalName Service
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
// DestinationRules ask for (pilot/pkg/networking/core/cluster_tls.go, buildUpstreamTLSSettings
// and applyUpstreamTLSSettings).
func ExpectedClient(autoMTLS bool, server Derivation, tls ClientTLS, to Target) Expected {
	e := Expected{OriginalDst: tls.Passthrough || to.Headless && !to.Gateway}
	if tls.NoSubset {
		e.Shape, e.Why = ShapeNone, tls.String()
		return e
	}
	if tls.Mode == TLSAuto {
		e.Shape, e.Why = autoShape(autoMTLS, server, tls, to)
		if e.Shape == ShapeAuto && e.OriginalDst {
			e.Shape, e.Why = ShapeMTLS, "auto mTLS, for all endpoints alike because the cluster is ORIGINAL_DST"
		}
		return e
	}
	e.Shape, e.Why = userShape(tls, to)
	return e
}

// userShape is what a tls block makes.
func userShape(tls ClientTLS, to Target) (Shape, string) {
	switch tls.Mode {
	case TLSDisable:
		return ShapePlaintext, tls.String()
	case TLSIstioMutual:
		return ShapeMTLS, tls.String() + ", for every endpoint"
	case TLSSimple, TLSMutual:
		return ownCertificates(tls, to)
	default:
		return ShapeUnknown, fmt.Sprintf("the tls mode %q is not known", tls.TLS.Mode)
	}
}

// ownCertificates is what SIMPLE and MUTUAL make. Twice istiod sends plaintext without a word:
// a sidecar gets no credentialName but from a rule with a workloadSelector, and MUTUAL without
// certificate files cannot be built.
func ownCertificates(tls ClientTLS, to Target) (Shape, string) {
	switch t := tls.TLS; {
	case isSecret(t) && !to.Gateway && !tls.HasSelector:
		return ShapePlaintext, "sidecars ignore credentialName, and the tls block with it, unless the rule has a workloadSelector"
	case tls.Mode == TLSMutual && t.CredentialName == "" && (t.ClientCertificate == "" || t.PrivateKey == ""):
		return ShapePlaintext, "MUTUAL needs clientCertificate and privateKey, or credentialName; istiod drops it"
	default:
		return ShapeTLS, tls.String()
	}
}

// isSecret reports whether credentialName names a Secret. A ConfigMap holds no key, and the
// sentinel of an unresolved CA fails closed: both are let through.
func isSecret(t *kube.ClientTLS) bool {
	return t.CredentialName != "" && !strings.HasPrefix(t.CredentialName, "configmap://") && t.CredentialName != "invalid://"
}

// autoShape is what auto mTLS decides where no tls block counts.
func autoShape(autoMTLS bool, server Derivation, tls ClientTLS, to Target) (Shape, string) {
	switch {
	case to.External:
		return ShapePlaintext, "auto mTLS leaves services outside the mesh alone"
	case !autoMTLS:
		return ShapePlaintext, "auto mTLS is off (enableAutoMtls: false) and no DestinationRule sets tls"
	case server.Mode == Unknown:
		return ShapeUnknown, "the PeerAuthentication mode of the service's namespace is not known"
	case server.Mode == Disable:
		return ShapePlaintext, fmt.Sprintf("auto mTLS goes by the namespace of the service, which is %s", server)
	case to.Headless || tls.EndpointsDecide:
		return byEndpoints(to.Endpoints)
	default:
		return ShapeAuto, "auto mTLS decides per endpoint"
	}
}

// byEndpoints is what istiod makes of a passthrough service: all or nothing.
func byEndpoints(e Endpoints) (Shape, string) {
	switch e {
	case EndpointsMeshed:
		return ShapeAuto, "every endpoint has tlsMode istio"
	case EndpointsDisabled:
		return ShapePlaintext, "an endpoint without a proxy turns mutual TLS off for all endpoints of the service"
	case EndpointsNone:
		return ShapePlaintext, "istiod saw no endpoint, and then sends plaintext"
	default:
		return ShapeUnknown, "the endpoints decide, and what istiod saw of them is not known"
	}
}

// MarksEndpoint reports whether istiod sends an endpoint with the mark tlsMode istio, by which
// a cluster of ShapeAuto chooses TLS. Labelled says that the endpoint's own tlsMode is istio,
// server what its workload accepts on its container port. A tls block of another mode takes
// the mark away; ISTIO_MUTUAL leaves it even on a port that is DISABLE, but gives it to none
// (pilot/pkg/xds/endpoints/mtls_checker.go, checkMtlsEnabled).
func (c ClientTLS) MarksEndpoint(labelled bool, server Derivation) bool {
	switch c.EndpointMode {
	case TLSAuto:
		return labelled && server.Mode != Disable
	case TLSIstioMutual:
		return labelled
	default:
		return false
	}
}
