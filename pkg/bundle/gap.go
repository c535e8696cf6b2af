package bundle

import (
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// ListRef is the subject of a gap about the list of a kind, by the kind's ID ("pods.core"), in
// one namespace or in all ("").
func ListRef(id, namespace string) kube.Ref {
	return kube.Ref{Kind: "List", Namespace: namespace, Name: id}
}

// The stages of gaps that this package finds. A probe uses the same for the same members, so
// that a member that is missing for a known reason is not reported a second time.
const (
	StageList       = "list"
	StageConfigDump = "config_dump"
	StageCerts      = "certs"
	StageClusters   = "clusters"
	StageStats      = "stats"
	StageServerInfo = "server_info"
	StageMesh       = "mesh"   // mesh config
	StageBundle     = "bundle" // the bundle as a whole: cut short, without manifest
	StageTime       = "time"   // when it was captured is not certain
	StageScope      = "out-of-scope"
)

// ListGap is the gap of a list that could not be read: refused, or no such kind in the cluster.
func ListGap(id, message, hint string) mesh.Gap {
	return mesh.Gap{Subject: ListRef(id, ""), Stage: StageList, Message: message, Hint: hint}
}
