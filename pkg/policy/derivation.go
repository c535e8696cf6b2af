package policy

import (
	"fmt"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

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

// Port returns what a container port accepts.
func (e Effective) Port(port uint32) Derivation {
	if d, ok := e.Ports[port]; ok {
		return d
	}
	d := e.Workload
	d.Port = port
	return d
}

// String is one line: "STRICT from shop/default, namespace-wide, oldest of two" or
// "port 8080 PERMISSIVE from shop/server (workload policy)".
func (d Derivation) String() string {
	var b strings.Builder
	if d.Port != 0 {
		fmt.Fprintf(&b, "port %d ", d.Port)
	}
	b.WriteString(string(d.Mode))
	if d.From == nil {
		return b.String() + ", Istio's default"
	}
	fmt.Fprintf(&b, " from %s%s", d.From.Key(), d.Scope.suffix())
	if d.Of > 1 {
		b.WriteString(", oldest of " + count(d.Of))
	}
	return b.String()
}

// suffix is how a scope is told after a policy's name.
func (s Scope) suffix() string {
	switch s {
	case ScopeMesh:
		return ", mesh-wide"
	case ScopeNamespace:
		return ", namespace-wide"
	case ScopeWorkload, ScopePort:
		return " (workload policy)"
	default:
		return ""
	}
}

// count writes small numbers as words.
func count(n int) string {
	words := [...]string{2: "two", 3: "three", 4: "four", 5: "five"}
	if n >= 2 && n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}
