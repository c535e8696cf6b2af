package report

import (
	"cmp"
	"crypto/x509"
	"slices"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// rootGroups are the roots of a mesh, and who trusts which.
type rootGroups struct {
	roots []*trustedRoot
	// trusts are the labels of the roots that a pod's proxy trusts.
	trusts map[*mesh.Pod][]string
	// signers remembers the root of each last certificate of a chain, by its bytes.
	signers map[string]*trustedRoot
}

type trustedRoot struct {
	Root
	cert *x509.Certificate
}

func newRootGroups(s *mesh.Snapshot) *rootGroups {
	g := &rootGroups{trusts: map[*mesh.Pod][]string{}, signers: map[string]*trustedRoot{}}
	held := map[*mesh.Pod][]*trustedRoot{}
	known := map[string]*trustedRoot{}
	for _, p := range s.Pods {
		for _, c := range meshBundle(p) {
			r := known[string(c.Raw)]
			if r == nil {
				r = &trustedRoot{Root{Info: certs.Describe(c)}, c}
				known[string(c.Raw)] = r
				g.roots = append(g.roots, r)
			}
			r.TrustedBy++
			held[p] = append(held[p], r)
		}
	}
	slices.SortFunc(g.roots, func(a, b *trustedRoot) int {
		return cmp.Or(cmp.Compare(b.TrustedBy, a.TrustedBy), cmp.Compare(a.Info.SHA256, b.Info.SHA256))
	})
	for i, r := range g.roots {
		r.Label, r.NotTrustedBy = label(i), len(held)-r.TrustedBy
	}
	for p, roots := range held {
		for _, r := range roots {
			g.trusts[p] = append(g.trusts[p], r.Label)
		}
		slices.Sort(g.trusts[p])
	}
	return g
}

// meshBundle are the roots by which a pod's proxy knows its peers, each once.
func meshBundle(p *mesh.Pod) []*x509.Certificate {
	if p.Proxy == nil {
		return nil
	}
	var out []*x509.Certificate
	for _, s := range p.Proxy.Secrets {
		if s.Name != meshRoots || s.State != envoy.Active && s.State != envoy.Static {
			continue
		}
		out = append(out, s.Bundle.Certificates()...)
		for _, b := range s.SPIFFE {
			out = append(out, b.Certificates()...)
		}
	}
	slices.SortFunc(out, func(a, b *x509.Certificate) int { return slices.Compare(a.Raw, b.Raw) })
	return slices.CompactFunc(out, (*x509.Certificate).Equal)
}

// signer is the label of the root that a chain hangs on, and counts it; "" when nobody trusts one.
func (g *rootGroups) signer(chain certs.Chain) string {
	last := string(chain[len(chain)-1].Raw)
	r, known := g.signers[last]
	if !known {
		if i := slices.IndexFunc(g.roots, func(r *trustedRoot) bool { return chain.HangsOn(r.cert) }); i >= 0 {
			r = g.roots[i]
		}
		g.signers[last] = r
	}
	if r == nil {
		return ""
	}
	r.Signs++
	return r.Label
}

func (g *rootGroups) list() []Root {
	out := make([]Root, 0, len(g.roots))
	for _, r := range g.roots {
		out = append(out, r.Root)
	}
	return out
}

// label is A, B, … Z, AA, AB, …
func label(i int) string {
	name := string(rune('A' + i%26))
	if i < 26 {
		return name
	}
	return label(i/26-1) + name
}
