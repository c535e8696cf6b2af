package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
)

// Changes are the resources that configure the mesh and were made or written since a moment, whether
// or not a finding blames them. What was deleted leaves no trace in evidence of one moment.
type Changes struct {
	Since time.Time `json:"since"`
	// Dated counts the resources that say when they were last written, Read all that were read. Of the
	// others it is only known when they were made.
	Dated int `json:"dated"`
	Read  int `json:"read"`
	// Resources are those that changed, the latest first.
	Resources []Change `json:"resources"`
}

// Change is one resource that changed: when, and by whom.
type Change struct {
	Subject kube.Ref `json:"subject"`
	Origin  Origin   `json:"origin"`
	// Codes are those of the findings that blame it.
	Codes []string `json:"codes,omitempty"`
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
		r.Changes = changedSince(r.seen.snapshot.Resources, since)
		r.Changes.blame(r.Findings)
	}
}

func changedSince(resources *kube.Resources, since time.Time) *Changes {
	out := &Changes{Since: since.UTC(), Resources: []Change{}}
	for ref, m := range resources.Configuring() {
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
