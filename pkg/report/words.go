package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// lineWidth is what text is made to fit into where no terminal says. Names and commands may be
// longer.
const lineWidth = 100

// Wrap breaks text between words into lines of a width: the first line begins with first, the others with so many spaces.
func Wrap(width int, first string, indent int, text string) string {
	var b strings.Builder
	b.WriteString(first)
	column := utf8.RuneCountInString(first)
	for i, word := range strings.Fields(text) {
		letters := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+letters > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += letters
	}
	return b.String() + "\n"
}

// plural is "1 pod", "2 pods", "2 proxies".
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "xy"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// names lists a few names and counts the rest: "a, b, c and 12 more". All are clean.
func names(all []string, limit int) string {
	if limit <= 0 || len(all) <= limit+1 { // "and 1 more" is no shorter than a name
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:limit], ", "), len(all)-limit)
}

// duration is a span of time in at most two units, as kubectl shows ages: "17h", "3d4h", "-2m".
func duration(d time.Duration) string {
	if d < 0 {
		return "-" + duration(-d)
	}
	switch days := int(d / (24 * time.Hour)); {
	case days >= 10:
		return fmt.Sprintf("%dd", days)
	case days > 0:
		return units(days, "d", int(d/time.Hour)%24, "h")
	case d >= 10*time.Hour:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	case d >= time.Hour:
		return units(int(d/time.Hour), "h", int(d/time.Minute)%60, "m")
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	}
	return fmt.Sprintf("%ds", int(d/time.Second))
}

func units(n int, unit string, rest int, small string) string {
	if rest == 0 {
		return fmt.Sprintf("%d%s", n, unit)
	}
	return fmt.Sprintf("%d%s%d%s", n, unit, rest, small)
}
