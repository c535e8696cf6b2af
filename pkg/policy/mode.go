package policy

// Mode is the mutual TLS that a server accepts. UNSET is always resolved, so it is none of these.
type Mode string

// The modes of a PeerAuthentication. Unknown stands for a mode that neither this package nor
// the istiod it follows knows. The CRD's schema keeps it out, and an istiod that meets it
// nevertheless fails to decode the resource: nothing may be concluded from it.
const (
	Permissive Mode = "PERMISSIVE"
	Strict     Mode = "STRICT"
	Disable    Mode = "DISABLE"
	Unknown    Mode = "UNKNOWN"
)

// parseMode reads spec.mtls.mode; ok is false for UNSET, which inherits.
func parseMode(s string) (mode Mode, ok bool) {
	switch s {
	case "", "UNSET":
		return "", false
	case string(Permissive), string(Strict), string(Disable):
		return Mode(s), true
	default:
		return Unknown, true
	}
}

// Scope is how widely the setting that decided applies.
type Scope string

// The scopes, from the widest to the narrowest.
const (
	ScopeDefault   Scope = "default" // no policy: Istio's own default
	ScopeMesh      Scope = "mesh"
	ScopeNamespace Scope = "namespace"
	ScopeWorkload  Scope = "workload"
	ScopePort      Scope = "port"
)

// TLSMode is the mode of a DestinationRule's tls block.
type TLSMode string

// The modes of ClientTLSSettings. TLSAuto stands for no tls block, TLSUnknown for a mode that
// neither this package nor the istiod it follows knows.
const (
	TLSAuto        TLSMode = ""
	TLSDisable     TLSMode = "DISABLE"
	TLSSimple      TLSMode = "SIMPLE"
	TLSMutual      TLSMode = "MUTUAL"
	TLSIstioMutual TLSMode = "ISTIO_MUTUAL"
	TLSUnknown     TLSMode = "UNKNOWN"
)

// parseTLSMode reads the mode of a tls block that is there: absent means DISABLE, the enum's
// zero value.
func parseTLSMode(s string) TLSMode {
	switch m := TLSMode(s); m {
	case "":
		return TLSDisable
	case TLSDisable, TLSSimple, TLSMutual, TLSIstioMutual:
		return m
	default:
		return TLSUnknown
	}
}
