package report

import "fmt"

// suppressions says under the verdict which findings do not count, and which suppressions need a hand.
func (p *page) suppressions() {
	for _, line := range p.suppressionLines(p.limit(shownNames)) {
		p.b.WriteString(p.hang("  ", line))
	}
}

// suppressionLines are what to say of suppressions, with the names of so many findings; 0 is all.
func (r *Report) suppressionLines(limit int) []string {
	s := r.Suppressions
	if s == nil {
		return nil
	}
	var out []string
	if n := len(s.Suppressed); n > 0 {
		var what []string
		for _, x := range s.Suppressed {
			what = append(what, fmt.Sprintf("%s of %s (%s)", Clean(x.Finding.Code), Clean(x.Finding.Subject.String()), x.why()))
		}
		out = append(out, fmt.Sprintf("suppressed: %s: %s", plural(n, "finding"), names(what, limit)))
	}
	for _, x := range s.Expired {
		out = append(out, Clean(fmt.Sprintf("the suppression of %s for %s has expired, until %s: the finding counts again", x.Code, x.Subject, x.Until)))
	}
	for _, x := range s.Unused {
		out = append(out, Clean(fmt.Sprintf("the suppression of %s for %s fits nothing here", x.Code, x.Subject)))
	}
	for _, x := range s.Misread {
		out = append(out, Clean(fmt.Sprintf("%s is annotated %s: %q, which is not understood: write MTD301: reason until 2026-12-31", x.Subject, IgnoreAnnotation, x.Text)))
	}
	return out
}
