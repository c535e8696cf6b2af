package report

import (
	"fmt"
	"unicode/utf8"
)

// next suggests the command that helps most now, about the same evidence.
func (p *page) next() error {
	switch f := p.worst(); {
	case f != nil && p.Format != Wide:
		fmt.Fprintf(&p.b, "Next: %s explain %s\n", p.Program, Clean(f.Code))
	case f == nil && p.Summary.Health == OK && p.Scope.To == "" && p.edges("") != "":
		line := "Next: " + p.edges("")
		if told := line + "    every call, one by one"; p.Width == 0 || utf8.RuneCountInString(told) <= p.width() {
			line = told
		}
		p.b.WriteString(line + "\n")
	}
	return nil
}

// worst is the first finding that needs action, or nil: none of the baseline.
func (p *page) worst() *Finding {
	for i := range p.Findings {
		if p.Findings[i].Severity != "info" && !p.Findings[i].Known {
			return &p.Findings[i]
		}
	}
	return nil
}
