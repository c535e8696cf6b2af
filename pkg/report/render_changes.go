package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// shownChanges is how many changes the table shows; -o wide shows all.
const shownChanges = 20

// changeHeader heads the cells of a change.
var changeHeader = []string{"when", "what", "resource", "by", "managed by", "findings"}

// changes shows what was made and written in the window that was asked about.
func (p *page) changes() error {
	c := p.Changes
	if c == nil {
		return nil
	}
	p.b.WriteString(p.hang("", c.sentence()))
	g := grid{}
	for _, title := range changeHeader {
		g.header = append(g.header, strings.ToUpper(title))
	}
	shown := c.Resources
	if n := p.limit(shownChanges); n > 0 && len(shown) > n+1 { // one more is no longer than saying so
		shown = shown[:n]
	}
	for i := range shown {
		g.rows = append(g.rows, shown[i].cells())
	}
	if err := g.write(&p.b, p.Style); err != nil {
		return err
	}
	if n := len(c.Resources) - len(shown); n > 0 {
		fmt.Fprintf(&p.b, "and %d more (-o wide shows them)\n", n)
	}
	return nil
}

// cells are the words of a change. They are clean.
func (c *Change) cells() []string {
	return []string{
		c.at().Format(time.DateTime) + "Z", c.what(), Clean(c.Subject.String()),
		cmp.Or(Clean(c.Origin.Writer), "-"), cmp.Or(Clean(c.Origin.ManagedBy), "-"), cmp.Or(Clean(strings.Join(c.Codes, ", ")), "-"),
	}
}

// sentence says how many changed, and of how many that is not known.
func (c *Changes) sentence() string {
	remade := 0
	for i := range c.Resources {
		remade += btoi(c.Resources[i].Pods != nil)
	}
	text := fmt.Sprintf("Changed since %sZ: %d of %s", c.Since.Format(time.DateTime), len(c.Resources)-remade, plural(c.Read, "resource"))
	if remade > 0 {
		text += fmt.Sprintf("; %s with new pods", plural(remade, "workload"))
	}
	if !c.Workloads {
		text += "; workloads were not read (kubectl rollout history tells)"
	}
	text += "; what was deleted leaves no trace"
	if n := c.Read - c.Dated; n > 0 {
		text += fmt.Sprintf(", and the evidence does not say when %d of them were last written", n)
	}
	return text
}
