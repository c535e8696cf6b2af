package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// Changes are the resources that configure the mesh and were made or written since a moment, and the workloads that got
// new pods, whether or not a finding blames them. What was deleted leaves no trace in evidence of one moment.
type Changes struct {
	Since time.Time `json:"since"`
	// Dated counts the resources that say when they were last written, Read all that were read. Of the
	// others it is only known when they were made.
	Dated int `json:"dated"`
	Read  int `json:"read"`
	// Workloads says that Deployments and their like are among them; of what was recorded without them only the pods tell.
	Workloads bool `json:"workloads"`
	// Resources are those that changed, the latest first.
	Resources []Change `json:"resources"`
}

// Change is one resource that changed: when, and by whom.
type Change struct {
	Subject kube.Ref `json:"subject"`
	Origin  Origin   `json:"origin"`
	// Pods counts those of a workload that were made, of all that it has; absent where the resource itself changed.
	Pods *NewPods `json:"pods,omitempty"`
	// Codes are those of the findings that blame it.
	Codes []string `json:"codes,omitempty"`
}

// NewPods counts the pods of a workload that were made in a window, of those that it has.
type NewPods struct {
	Made int `json:"made"`
	Of   int `json:"of"`
}

// what happened to it.
func (c *Change) what() string {
	switch {
	case c.Pods != nil:
		return fmt.Sprintf("%d of %s made", c.Pods.Made, plural(c.Pods.Of, "pod"))
	case c.made():
		return "made"
	}
	return "written"
}

// at is when it changed last, as far as is known.
func (c *Change) at() time.Time {
	if c.Origin.Written.IsZero() {
		return c.Origin.Created
	}
	return c.Origin.Written
}

// made reports whether the change is that the resource was made; it is not known to be written again.
func (c *Change) made() bool { return c.at().Equal(c.Origin.Created) }

// ChangedSince adds what changed since a moment, in the whole mesh as far as it was read. A report that
// was read from a file knows no resources, and gets nothing.
func (r *Report) ChangedSince(since time.Time) {
	if r.seen != nil {
		r.Changes = changedSince(r.seen.snapshot, since)
		r.Changes.blame(r.Findings)
	}
}

func changedSince(s *mesh.Snapshot, since time.Time) *Changes {
	out := &Changes{Since: since.UTC(), Resources: remade(s, since), Workloads: s.Resources.HasRead("deployments.apps")}
	for ref, m := range s.Resources.Configuring() {
		out.Read++
		o := originOf(m)
		if o == nil {
			continue
		}
		if !o.Written.IsZero() {
			out.Dated++
		}
		if c := (Change{Subject: ref, Origin: *o}); !c.at().IsZero() && !c.at().Before(since) {
			out.Resources = append(out.Resources, c)
		}
	}
	slices.SortFunc(out.Resources, func(a, b Change) int {
		return cmp.Or(b.at().Compare(a.at()), strings.Compare(a.Subject.String(), b.Subject.String()))
	})
	return out
}

// remade are the workloads of which pods were made since a moment: a pod has its proxy, its labels and its certificate
// anew.
func remade(s *mesh.Snapshot, since time.Time) []Change {
	out := []Change{}
	for _, w := range s.Workloads {
		c := Change{Subject: w.Ref, Pods: &NewPods{Of: len(w.Pods)}}
		for _, pod := range w.Pods {
			if made := pod.CreationTimestamp.UTC(); !made.Before(since) {
				c.Pods.Made++
				c.Origin.Created = later(c.Origin.Created, made)
			}
		}
		if c.Pods.Made > 0 {
			out = append(out, c)
		}
	}
	return out
}

// blame notes the findings that blame a resource which changed.
func (c *Changes) blame(findings []Finding) {
	codes := map[kube.Ref][]string{}
	for i := range findings {
		f := &findings[i]
		if !slices.Contains(codes[f.Subject], f.Code) {
			codes[f.Subject] = append(codes[f.Subject], f.Code)
		}
	}
	for i := range c.Resources {
		c.Resources[i].Codes = codes[c.Resources[i].Subject]
	}
}
