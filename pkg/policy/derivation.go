package policy

import "github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"

// Derivation is a mode and where it came from.
type Derivation struct {
	Mode     Mode
	From     *kube.PeerAuthentication // nil: Istio's default
	Scope    Scope
	Field    string // "spec.mtls.mode", "spec.portLevelMtls.8080.mode"; "" for the default
	Port     uint32 // the container port that was asked for, 0 for the workload
	Of       int    // how many policies competed in the scope of From, From included
	Shadowed []Shadowed[kube.PeerAuthentication]
	Steps    []string // the way from the mesh to here, a sentence a step
}

// Effective is what a workload accepts: Workload, except on the container ports in Ports.
type Effective struct {
	Workload Derivation
	Ports    map[uint32]Derivation // by container port, never by service port
}

// String is one line: "STRICT from shop/default, namespace-wide, oldest of two".
func (d Derivation) String() string { return string(d.Mode) }

// Port returns what a container port accepts.
func (e Effective) Port(port uint32) Derivation {
	if d, ok := e.Ports[port]; ok {
		return d
	}
	d := e.Workload
	d.Port = port
	return d
}
