package report

import "fmt"

// suppressed says under the verdict which findings do not count, and which suppressions need a hand.
func (p *page) suppressed() {
	s := p.Suppressions
	if s == nil {
		return
	}
	say := func(text string) { p.b.WriteString(p.hang("  ", text)) }
	if n := len(s.Suppressed); n > 0 {
		var what []string
		for _, x := range s.Suppressed {
			what = append(what, Clean(fmt.Sprintf("%s of %s (%s%s)", x.Finding.Code, x.Finding.Subject, x.Reason, untilDay(x.Until))))
		}
		say(fmt.Sprintf("suppressed: %s: %s", plural(n, "finding"), names(what, p.limit(shownNames))))
	}
	for _, x := range s.Expired {
		say(Clean(fmt.Sprintf("the suppression of %s for %s has expired%s: the finding counts again", x.Code, x.Subject, untilDay(x.Until))))
	}
	for _, x := range s.Unused {
		say(Clean(fmt.Sprintf("the suppression of %s for %s fits nothing here", x.Code, x.Subject)))
	}
}

func untilDay(day string) string {
	if day == "" {
		return ""
	}
	return ", until " + day
}
