package mesh

import (
	"cmp"
	"slices"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Evidence is what was read about a mesh.
type Evidence struct {
	// CapturedAt is when it was read: the clock of every judgement.
	CapturedAt time.Time
	Source     Source
	// Scope is what the reading was limited to; nil means everything.
	Scope     *Scope
	Resources *kube.Resources
	// MeshConfigs holds Istio's mesh config by revision; "default" is the default revision.
	MeshConfigs map[string]*kube.MeshConfig
	// Proxies holds what each proxy runs, by pod.
	Proxies map[kube.Key]*envoy.Proxy
	// Gaps are what could not be read, each with its reason.
	Gaps []Gap
}

// Source says where evidence comes from. It is part of the evidence, so that a report from a
// recorded bundle says the same as the live one.
type Source struct {
	// Type is cluster, bug-report, must-gather or dump.
	Type string `json:"type"`
	// Context is the kubeconfig context of a live reading.
	Context           string `json:"context,omitempty"`
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
}

// Scope is what a reading was limited to: the proxies of these namespaces or pods, and those
// at the other end of their edges.
type Scope struct {
	Namespaces []string `json:"namespaces,omitempty"`
	// Targets are the words of the command line: pod/x, deploy/y.
	Targets []string `json:"targets,omitempty"`
	// Selector is a label selector of pods.
	Selector string `json:"selector,omitempty"`
	// Revision is the Istio revision of the pods.
	Revision string `json:"revision,omitempty"`
}

// Gap is evidence that could not be read. It makes what rests on it unknown.
type Gap struct {
	Subject kube.Ref `json:"subject"`
	// Stage is where it failed: list, port-forward, config_dump, certs, clusters, stats, decode, out-of-scope.
	Stage string `json:"stage"`
	// Message says why, in one line without a trailing full stop.
	Message string `json:"message"`
	// Hint says what the user can do about it; may be empty.
	Hint string `json:"hint,omitempty"`
}

// Compare orders gaps for display.
func (g Gap) Compare(o Gap) int {
	return cmp.Or(cmp.Compare(g.Subject.Kind, o.Subject.Kind),
		cmp.Compare(g.Subject.Namespace, o.Subject.Namespace),
		cmp.Compare(g.Subject.Name, o.Subject.Name),
		cmp.Compare(g.Stage, o.Stage), cmp.Compare(g.Message, o.Message))
}

// GapOf returns the first gap about a subject, or nil.
func (e *Evidence) GapOf(ref kube.Ref) *Gap {
	i := slices.IndexFunc(e.Gaps, func(g Gap) bool { return g.Subject == ref })
	if i < 0 {
		return nil
	}
	return &e.Gaps[i]
}

// MeshConfig returns the mesh config of a revision, or of the default one, or the only one;
// nil if none was read.
func (e *Evidence) MeshConfig(revision string) *kube.MeshConfig {
	for _, r := range []string{revision, "default", ""} {
		if m := e.MeshConfigs[r]; m != nil {
			return m
		}
	}
	if len(e.MeshConfigs) == 1 {
		for _, m := range e.MeshConfigs {
			return m
		}
	}
	return nil
}
