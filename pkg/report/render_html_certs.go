package report

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/certs"
)

// lifeRow are the certificates of a workload that end at about the same time.
type lifeRow struct {
	HeldCertificate
	count int
}

// maxLives is how many rows the list of certificates has; those that end first come first.
const maxLives = 200

// lives folds the certificates of replicas, in the order of the list: the worst first.
func (l *CertificateList) lives() []lifeRow {
	type key struct {
		workload, secret, identity string
		state                      Rotation
		root                       string
	}
	index := map[key]int{}
	var out []lifeRow
	for _, c := range l.Certificates {
		k := key{c.Workload.String(), c.Secret, c.Identity, c.State, c.Root}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, lifeRow{HeldCertificate: c})
		}
		out[i].count++
	}
	return out
}

func (p *webPage) certificates() g.Node {
	if p.certs == nil {
		return nil
	}
	all := p.certs.lives()
	if len(all) == 0 {
		return part("certificates", "Certificates", h.P(g.Text("No certificate was read.")))
	}
	shown := all[:min(len(all), maxLives)]
	line := newTimeLine(p.certs.CapturedAt, shown)
	row := func(c lifeRow) g.Node {
		who := c.Workload.Namespace + "/" + c.Workload.Name
		if c.count > 1 {
			who += fmt.Sprintf(" ×%d", c.count)
		}
		return h.Tr(h.Th(h.Scope("row"), text(who)), h.Td(h.Code(text(c.Identity))), h.Td(text(c.Root)),
			h.Td(word(rotationClass(c.State), string(c.State))), h.Td(text(p.certs.left(&c.HeldCertificate))), h.Td(line.life(&c.HeldCertificate)))
	}
	rest := len(all) - len(shown)
	root := func(r Root) g.Node {
		return h.Tr(h.Th(h.Scope("row"), text(r.Label)), h.Td(text(r.Info.Subject)), h.Td(g.Text(r.Info.NotAfter.Format(time.DateOnly))),
			h.Td(g.Textf("%d", r.TrustedBy)), h.Td(g.Textf("%d", r.NotTrustedBy)), h.Td(h.Code(text(r.Info.SHA256[:min(16, len(r.Info.SHA256))]))))
	}
	return part("certificates", "Certificates",
		h.P(h.Class("soft"), g.Text(line.sentence())),
		rows("Certificates", []string{"workload", "identity", "root", "state", "ends", "lifetime"}, each(shown, row)),
		g.If(rest > 0, h.P(g.Textf("and %d more rows that end later: the command certs -o wide lists them", rest))),
		g.If(len(p.certs.Roots) > 0, g.Group{
			h.H3(g.Text("Roots")),
			rows("Roots", []string{"root", "subject", "until", "trusted by", "not trusted by", "SHA-256"}, each(p.certs.Roots, root)),
		}))
}

func rotationClass(r Rotation) string {
	switch r {
	case Expired, NotYetValid, Missing:
		return "fail"
	case Fresh:
		return "ok"
	}
	return "warn"
}

// left is when a certificate ends, and how long that is from the capture.
func (l *CertificateList) left(c *HeldCertificate) string {
	end := c.ends()
	if end.IsZero() {
		return "-"
	}
	out := end.Format("2006-01-02 15:04Z")
	if !l.CapturedAt.IsZero() {
		out += " (" + duration(end.Sub(l.CapturedAt)) + ")"
	}
	return out
}

// timeLine is an axis on which lifetimes are drawn.
type timeLine struct{ from, to, now time.Time }

// Measures of a drawn lifetime, in pixels.
const lineLength, lineHeight = 260, 18

// newTimeLine spans the lives of leaf certificates. Those of years would make those of a day
// invisible: the axis ends a month after the capture.
func newTimeLine(now time.Time, all []lifeRow) timeLine {
	t := timeLine{now: now}
	for _, c := range all {
		if len(c.Chain) == 0 {
			continue
		}
		leaf := c.Chain[0]
		if t.from.IsZero() || leaf.NotBefore.Before(t.from) {
			t.from = leaf.NotBefore
		}
		if leaf.NotAfter.After(t.to) {
			t.to = leaf.NotAfter
		}
	}
	if !now.IsZero() {
		t.from, t.to = later(t.from, now.Add(-certs.CANotice)), earlier(t.to, now.Add(certs.CANotice))
		t.from, t.to = earlier(t.from, now), later(t.to, now)
	}
	return t
}

func earlier(a, b time.Time) time.Time { return slices.MinFunc([]time.Time{a, b}, time.Time.Compare) }

func later(a, b time.Time) time.Time { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }

func (t timeLine) sentence() string {
	out := "The bars run from " + t.from.Format("2006-01-02 15:04Z") + " to " + t.to.Format("2006-01-02 15:04Z")
	if !t.now.IsZero() {
		out += "; the mark is the time of the capture"
	}
	return out + ". The row says the same in words."
}

// x is where a moment lies on the axis.
func (t timeLine) x(at time.Time) int {
	span := t.to.Sub(t.from)
	if span <= 0 {
		return 0
	}
	return max(0, min(lineLength, int(float64(lineLength)*float64(at.Sub(t.from))/float64(span))))
}

// life draws the lifetime of a certificate. It is decoration: the row says it in words.
func (t timeLine) life(c *HeldCertificate) g.Node {
	if len(c.Chain) == 0 {
		return nil
	}
	leaf := c.Chain[0]
	from, to := t.x(leaf.NotBefore), t.x(leaf.NotAfter)
	class := "span"
	if rotationClass(c.State) != "ok" {
		class = "late"
	}
	number := strconv.Itoa
	now := g.Node(nil)
	if !t.now.IsZero() {
		x := number(t.x(t.now))
		now = g.El("line", h.Class("now"), g.Attr("x1", x), g.Attr("x2", x), g.Attr("y1", "0"), g.Attr("y2", number(lineHeight)))
	}
	return h.SVG(h.Class("life"), h.Aria("hidden", "true"), h.Width(number(lineLength)), h.Height(number(lineHeight)),
		g.El("line", h.Class("axis"), g.Attr("x1", "0"), g.Attr("x2", number(lineLength)), g.Attr("y1", "9"), g.Attr("y2", "9")),
		g.El("rect", h.Class(class), g.Attr("x", number(from)), g.Attr("y", "5"), h.Width(number(max(2, to-from))), h.Height("8"), g.Attr("rx", "3")),
		now)
}
