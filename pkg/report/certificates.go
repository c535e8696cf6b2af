package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/envoy"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

// CertificateList is the answer of `certs`: what proxies present, and the roots that they trust.
type CertificateList struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"` // CertificateList
	CapturedAt time.Time `json:"capturedAt,omitzero"`
	// Roots are those that proxies trust, the commonest first.
	Roots        []Root            `json:"roots"`
	Certificates []HeldCertificate `json:"certificates"`
	// Unread are pods whose certificates could not be read, each with why.
	Unread []UnreadPod `json:"unread"`
	// Gaps are why there may be proxies that the list does not know of: pods that were not listed,
	// evidence that was read in part.
	Gaps []mesh.Gap `json:"gaps"`
	// Proxies counts those in scope, and those of them whose certificates were read.
	Proxies Count `json:"proxies"`
}

// Root is a certificate of the trust bundles by which proxies know their peers of the mesh.
type Root struct {
	// Label names it within the list: A, B, …
	Label string     `json:"label"`
	Info  certs.Info `json:"info"`
	// TrustedBy counts the proxies that trust it, NotTrustedBy those that do not, in scope or not.
	TrustedBy    int `json:"trustedBy"`
	NotTrustedBy int `json:"notTrustedBy"`
	// Signs counts the certificates of the list that hang on it.
	Signs int `json:"signs"`
}

// HeldCertificate is a certificate that a proxy presents, with its chain.
type HeldCertificate struct {
	Workload kube.Ref `json:"workload"`
	Pod      string   `json:"pod"`
	// Secret is its name in SDS; "default" is the workload's own.
	Secret string `json:"secret"`
	// Identity is its SPIFFE ID, or the subject of a certificate that has none.
	Identity string `json:"identity,omitempty"`
	// Chain is what is sent, the leaf first; empty when there is none.
	Chain []certs.Info `json:"chain"`
	// Root is the label of the root that it hangs on, "" when no proxy trusts one. Trusts are those
	// that its own proxy trusts.
	Root   string   `json:"root,omitempty"`
	Trusts []string `json:"trusts"`
	State  Rotation `json:"state"`
	// Problem says why it could not be read.
	Problem string `json:"problem,omitempty"`
}

// UnreadPod is a pod whose certificates could not be read.
type UnreadPod struct {
	Pod kube.Ref `json:"pod"`
	Why string   `json:"why"`
}

// Rotation is how far a certificate is in its life; of a chain it is the worst.
type Rotation string

// The secrets of istio-agent: the workload's own certificate, and the roots of its mesh.
const ownCertificate, meshRoots = "default", "ROOTCA"

// The states, worst first.
const (
	Expired     Rotation = "expired"
	NotYetValid Rotation = "not-yet-valid"
	Missing     Rotation = "missing"      // the proxy waits for it
	Unreadable  Rotation = "unreadable"   // the evidence does not show it
	RenewalLate Rotation = "renewal-late" // three quarters of the lifetime are over
	Ending      Rotation = "ending"       // a CA's, less than a month before its end
	RenewalDue  Rotation = "renewal-due"  // more than half of the lifetime is over, and it was not renewed
	Undated     Rotation = "undated"      // the evidence does not say when it was taken
	Fresh       Rotation = "fresh"
)

var rotationOrder = []Rotation{Expired, NotYetValid, Missing, Unreadable, RenewalLate, Ending, RenewalDue, Undated, Fresh}

// Certificates lists the certificates of the proxies in scope.
func Certificates(s *mesh.Snapshot, in func(*mesh.Pod) bool) *CertificateList {
	l := &CertificateList{
		APIVersion: APIVersion, Kind: "CertificateList", CapturedAt: s.CapturedAt.UTC(),
		Certificates: []HeldCertificate{}, Unread: []UnreadPod{}, Gaps: unknownPods(s.Gaps),
	}
	g := newRootGroups(s)
	for _, p := range s.Pods {
		if !in(p) || !p.HasProxy() {
			continue
		}
		l.Proxies.Total++
		if p.Proxy == nil || !p.Proxy.Read.Has(envoy.SectionSecrets) {
			l.Unread = append(l.Unread, UnreadPod{kube.PodRef(p.Key()), cmp.Or(p.Unread, "its proxy's secrets were not read")})
			continue
		}
		l.Proxies.Read++
		l.hold(s, p, g)
	}
	l.Roots = g.list()
	l.sort()
	return l
}

// Incomplete reports whether a proxy's certificates could not be read, or a proxy may not be known of.
func (l *CertificateList) Incomplete() bool { return len(l.Unread)+len(l.Gaps) > 0 }

// unknownPods returns the gaps that may hide pods.
func unknownPods(gaps []mesh.Gap) []mesh.Gap {
	out := []mesh.Gap{}
	for _, g := range gaps {
		if g.Subject.Kind == "List" && g.Subject.Name == "pods.core" || g.Subject.Kind == "Bundle" {
			out = append(out, g)
		}
	}
	return out
}

// hold adds the certificates that a pod's proxy presents.
func (l *CertificateList) hold(s *mesh.Snapshot, p *mesh.Pod, g *rootGroups) {
	for _, secret := range p.Proxy.Secrets {
		if !presents(secret) {
			continue
		}
		c := HeldCertificate{
			Workload: p.Workload.Ref, Pod: p.Name, Secret: secret.Name, Chain: []certs.Info{},
			Trusts: list(g.trusts[p]), State: Fresh, Problem: secret.Problem,
		}
		for i, x := range secret.Chain {
			info := certs.Describe(x)
			c.Chain = append(c.Chain, info)
			c.State = worseRotation(c.State, rotation(s, info, i == 0, secret.Name))
		}
		switch {
		case len(secret.Chain) > 0:
			c.Identity, c.Root = identity(c.Chain[0]), g.signer(secret.Chain)
		case secret.State == envoy.Warming:
			c.State = Missing
		default:
			c.State = Unreadable
			if secret.File != "" {
				c.Problem = cmp.Or(c.Problem, "it is in file "+secret.File)
			}
		}
		l.Certificates = append(l.Certificates, c)
	}
}

// presents reports whether a secret is a certificate of the proxy's own. Names tell the trust
// bundles that are not there yet (pkg/model/credentials, security/pkg/nodeagent/cache of Istio).
func presents(s *envoy.Secret) bool {
	bundle := s.Bundle != nil || len(s.SPIFFE) > 0 || s.Name == meshRoots ||
		strings.HasPrefix(s.Name, "file-root:") || strings.HasSuffix(s.Name, "-cacert")
	return len(s.Chain) > 0 || !bundle
}

// identity is who a certificate says that it is.
func identity(leaf certs.Info) string {
	for _, names := range [][]string{leaf.URIs, leaf.DNSNames} {
		if len(names) > 0 {
			return names[0]
		}
	}
	return leaf.Subject
}

// rotation judges one certificate of a secret by the time of the capture.
func rotation(s *mesh.Snapshot, c certs.Info, leaf bool, secret string) Rotation {
	at := s.CapturedAt
	used := c.UsedAt(at)
	switch {
	case at.IsZero() || s.Source.Type == "dump":
		return Undated
	case !at.Before(c.NotAfter):
		return Expired
	case at.Before(c.NotBefore):
		return NotYetValid
	case !leaf && c.NotAfter.Sub(at) < certs.CANotice && used > certs.RenewalDue:
		return Ending
	case !leaf:
		return Fresh
	case secret != ownCertificate && used > certs.OtherLate, secret == ownCertificate && used > certs.RenewalLate:
		return RenewalLate
	case secret == ownCertificate && used > certs.RenewalDue:
		return RenewalDue
	}
	return Fresh
}

func worseRotation(a, b Rotation) Rotation {
	if slices.Index(rotationOrder, b) < slices.Index(rotationOrder, a) {
		return b
	}
	return a
}

// sort puts the worst first, and of those the one that ends first.
func (l *CertificateList) sort() {
	slices.SortStableFunc(l.Certificates, func(a, b HeldCertificate) int {
		return cmp.Or(cmp.Compare(slices.Index(rotationOrder, a.State), slices.Index(rotationOrder, b.State)),
			a.ends().Compare(b.ends()), cmp.Compare(a.Workload.Namespace, b.Workload.Namespace),
			cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Secret, b.Secret))
	})
}

// ends is when the first certificate of a chain ends.
func (c *HeldCertificate) ends() time.Time {
	var first time.Time
	for _, x := range c.Chain {
		if first.IsZero() || x.NotAfter.Before(first) {
			first = x.NotAfter
		}
	}
	return first
}
