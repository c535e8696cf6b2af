package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/mesh"
)

var certificateForms = forms[*CertificateList]{
	{Table, writeCertificates},
	{Wide, writeAllCertificates},
	{JSON, writeJSON[*CertificateList]},
	{YAML, writeYAML[*CertificateList]},
	{CSV, writeCertificateSheet},
}

// CertificateFormats are the forms of a list of certificates, the usual one first.
func CertificateFormats() []Format { return certificateForms.names() }

// Render writes the list in the form that the style asks for.
func (l *CertificateList) Render(w io.Writer, style Style) error {
	return certificateForms.write(w, l, style)
}

// certificateFold is a line of the table: what the replicas of a workload have in common.
type certificateFold struct {
	workload                                           kube.Ref
	secret, identity, key, issuer, root, trusts, state string
}

// certificatesAlike counts certificates that are alike, by the one that ends first.
type certificatesAlike struct {
	first *HeldCertificate
	pods  int
}

// writeCertificates folds the replicas of a workload. Of many workloads, those that are well are
// one line for each root.
func writeCertificates(w io.Writer, l *CertificateList, style Style) error {
	order, alike := l.fold()
	g := grid{header: []string{"WORKLOAD", "PODS", "IDENTITY", "KEY", "ISSUER", "ROOT", "TRUSTS", "USED", "ENDS", "STATE"}}
	var well []certificateFold
	for _, k := range order {
		if len(order) > allShown && Rotation(k.state) == Fresh {
			well = append(well, k)
			continue
		}
		g.rows = append(g.rows, l.row(k, alike[k], style))
	}
	if len(order) == 0 {
		fmt.Fprintln(w, "No certificates: no proxy in scope presents one.")
	}
	alikes := ""
	if !g.fits(style) {
		g, alikes = g.factored(style, "IDENTITY", "PODS", "KEY", "ISSUER", "ROOT", "TRUSTS")
	}
	if err := g.write(w, style); err != nil {
		return err
	}
	fmt.Fprint(w, alikes)
	l.sayWell(w, well, alike, style)
	return l.sayRest(w, style)
}

func (l *CertificateList) fold() ([]certificateFold, map[certificateFold]*certificatesAlike) {
	var order []certificateFold
	alike := map[certificateFold]*certificatesAlike{}
	for i := range l.Certificates {
		c := &l.Certificates[i]
		k := certificateFold{
			c.Workload, c.Secret, c.Identity, keyCell(c.leaf()), c.leaf().Issuer, c.Root, strings.Join(c.Trusts, "+"), string(c.State),
		}
		if alike[k] == nil {
			alike[k] = &certificatesAlike{first: c}
			order = append(order, k)
		}
		alike[k].pods++
	}
	return order, alike
}

// leaf is the certificate itself; empty when there is none.
func (c *HeldCertificate) leaf() certs.Info {
	if len(c.Chain) == 0 {
		return certs.Info{}
	}
	return c.Chain[0]
}

func (l *CertificateList) row(k certificateFold, a *certificatesAlike, style Style) []string {
	name := k.workload.Namespace + "/" + (&mesh.Workload{Ref: k.workload}).Short()
	if k.secret != ownCertificate {
		name += " " + k.secret
	}
	state := style.paint(a.first.State.color(), k.state)
	if a.first.Problem != "" {
		state += ": " + Clean(a.first.Problem)
	}
	return []string{
		Clean(name), strconv.Itoa(a.pods), dash(Clean(strings.TrimPrefix(k.identity, "spiffe://"))), dash(k.key), dash(Clean(k.issuer)),
		rootCell(a.first), dash(k.trusts), l.usedCell(a.first), l.endsCell(a.first), state,
	}
}

// rootCell is "?" for a certificate under a root that nobody trusts.
func rootCell(c *HeldCertificate) string {
	if len(c.Chain) == 0 {
		return "-"
	}
	return cmp.Or(c.Root, "?")
}

func dash(s string) string { return cmp.Or(s, "-") }

// keyCell is the key in a word: "P-256", "RSA 2048".
func keyCell(c certs.Info) string {
	if c.Curve != "" || c.KeyBits == 0 {
		return cmp.Or(c.Curve, c.KeyType)
	}
	return fmt.Sprintf("%s %d", c.KeyType, c.KeyBits)
}

// usedCell is the share of the lifetime that is over.
func (l *CertificateList) usedCell(c *HeldCertificate) string {
	if len(c.Chain) == 0 || l.CapturedAt.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%d%%", int(c.leaf().UsedAt(l.CapturedAt)*100))
}

// endsCell is how long the first certificate of the chain is valid from the capture on.
func (l *CertificateList) endsCell(c *HeldCertificate) string {
	switch ends := c.ends(); {
	case ends.IsZero():
		return "-"
	case l.CapturedAt.IsZero():
		return ends.Format(time.DateOnly)
	default:
		return duration(ends.Sub(l.CapturedAt))
	}
}

func (s Rotation) color() string {
	switch s {
	case Expired, NotYetValid, Missing:
		return red
	case RenewalLate, Ending:
		return yellow
	case Unreadable, Undated:
		return cyan
	case Fresh:
		return green
	}
	return ""
}

// sayWell counts the certificates that are fresh, by key and root.
func (l *CertificateList) sayWell(w io.Writer, well []certificateFold, alike map[certificateFold]*certificatesAlike, style Style) {
	type group struct{ key, root, trusts string }
	type total struct {
		pods, workloads int
		first           *HeldCertificate
	}
	var order []group
	totals := map[group]*total{}
	for _, k := range well {
		g := group{k.key, k.root, k.trusts}
		t := totals[g]
		if t == nil {
			t = &total{first: alike[k].first}
			totals[g] = t
			order = append(order, g)
		}
		t.pods += alike[k].pods
		t.workloads++
		if alike[k].first.ends().Before(t.first.ends()) {
			t.first = alike[k].first
		}
	}
	for _, g := range order {
		t := totals[g]
		text := fmt.Sprintf("and %s of %s: fresh, %s, root %s, trusting %s; the first ends in %s (-o wide shows them)",
			plural(t.pods, "certificate"), plural(t.workloads, "workload"), g.key, cmp.Or(g.root, "?"), dash(g.trusts), l.endsCell(t.first))
		fmt.Fprint(w, style.fold(text))
	}
}

// sayRest tells of the roots, and of what was not read.
func (l *CertificateList) sayRest(w io.Writer, style Style) error {
	if len(l.Roots) > 0 {
		fmt.Fprintln(w)
	}
	g := grid{header: []string{"ROOT", "SUBJECT", "SHA256", "ENDS", "SIGNS", "TRUSTED BY"}}
	for _, r := range l.Roots {
		trusted := fmt.Sprintf("%d of %s", r.TrustedBy, plural(r.TrustedBy+r.NotTrustedBy, "proxy"))
		g.rows = append(g.rows, []string{
			r.Label, Clean(r.Info.Subject), clip(r.Info.SHA256, 17), l.endsCell(&HeldCertificate{Chain: []certs.Info{r.Info}}),
			strconv.Itoa(r.Signs), trusted,
		})
	}
	if err := g.write(w, style); err != nil {
		return err
	}
	for _, r := range l.Roots {
		if r.Signs > 0 && r.NotTrustedBy > 0 {
			text := fmt.Sprintf("root %s signs %s and is not trusted by %s", r.Label, plural(r.Signs, "certificate"), plural(r.NotTrustedBy, "proxy"))
			fmt.Fprint(w, style.paint(red, "!")+style.wrap("! ", text)[1:])
		}
	}
	l.sayUnread(w, style)
	return nil
}

// sayUnread counts the pods whose certificates could not be read, by the reason, and says why there may be more.
func (l *CertificateList) sayUnread(w io.Writer, style Style) {
	var reasons []string
	pods := map[string][]string{}
	for _, u := range l.Unread {
		why := withoutSubject(u.Pod, u.Why)
		reasons = appendNew(reasons, why)
		pods[why] = append(pods[why], Clean(kubeKey(u.Pod).String()))
	}
	limit := shownNames
	if style.Format == Wide {
		limit = 0
	}
	for _, why := range reasons {
		text := fmt.Sprintf("%s (%s): %s", plural(len(pods[why]), "pod"), names(pods[why], limit), Clean(why))
		fmt.Fprint(w, style.paint(cyan, "?")+style.wrap("? ", text)[1:])
	}
	for _, g := range l.Gaps {
		text := Clean(subjectName(g.Subject) + ": " + g.Message)
		fmt.Fprint(w, style.paint(cyan, "?")+style.wrap("? ", text)[1:])
	}
}

// writeAllCertificates has a line for each certificate of each proxy, those above the leaf indented.
func writeAllCertificates(w io.Writer, l *CertificateList, style Style) error {
	g := grid{header: []string{"POD", "SECRET", "IDENTITY", "KEY", "ISSUER", "ROOT", "TRUSTS", "USED", "NOT BEFORE", "NOT AFTER", "STATE", "SERIAL"}}
	for i := range l.Certificates {
		c := &l.Certificates[i]
		g.rows = append(g.rows, []string{
			Clean(c.Workload.Namespace + "/" + c.Pod), Clean(c.Secret), dash(Clean(c.Identity)), dash(keyCell(c.leaf())), dash(Clean(c.leaf().Issuer)),
			rootCell(c), dash(strings.Join(c.Trusts, "+")), l.usedCell(c), stamp(c.leaf().NotBefore), stamp(c.leaf().NotAfter),
			style.paint(c.State.color(), string(c.State)), dash(c.leaf().Serial),
		})
		for _, x := range c.Chain[min(1, len(c.Chain)):] {
			above := &HeldCertificate{Chain: []certs.Info{x}}
			g.rows = append(g.rows, []string{
				"", "  chain", Clean(x.Subject), keyCell(x), Clean(x.Issuer), "", "", l.usedCell(above), stamp(x.NotBefore), stamp(x.NotAfter), "", x.Serial,
			})
		}
	}
	if err := g.write(w, style); err != nil {
		return err
	}
	return l.sayRest(w, style)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// writeCertificateSheet has a row for each certificate that a proxy presents.
func writeCertificateSheet(w io.Writer, l *CertificateList, style Style) error {
	out, err := newSheet(w, style, "namespace", "kind", "workload", "pod", "secret", "identity", "state", "used_percent",
		"not_before", "not_after", "chain_ends", "key", "issuer", "serial", "sha256", "chain_length", "root", "trusts", "problem")
	if err != nil {
		return err
	}
	for i := range l.Certificates {
		c := &l.Certificates[i]
		leaf := c.leaf()
		if err := out.row(c.Workload.Namespace, c.Workload.Kind, c.Workload.Name, c.Pod, c.Secret, c.Identity, c.State,
			strings.Trim(l.usedCell(c), "%-"), blank(leaf.NotBefore), blank(leaf.NotAfter), blank(c.ends()), keyCell(leaf), leaf.Issuer, leaf.Serial,
			leaf.SHA256, len(c.Chain), c.Root, strings.Join(c.Trusts, "+"), c.Problem); err != nil {
			return err
		}
	}
	return out.close()
}

// blank is a time in a cell, which is empty for none.
func blank(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}
