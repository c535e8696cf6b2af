package diagnose

import (
	"regexp"
	"slices"
	"strings"
)

// Sign is a text of a log or of an error message by which causes show.
type Sign struct {
	// Pattern is a regular expression (RE2) with spaces for the underscores that Envoy writes.
	Pattern string
	Telling Telling
	// Means says in one clause what happened where the text is seen.
	Means string
	// Codes are the checks whose cause it may be, the likeliest first. None: it is not mutual TLS.
	Codes []Code
	// Next is where to look when it is not mutual TLS.
	Next string
}

// Telling is how much a sign says.
type Telling int

// How much a sign says, the most first.
const (
	Cause   Telling = iota // names the cause
	Failure                // names what failed
	Symptom                // what is left of a failure at the other end, or for the application
	Vague                  // that something failed
)

// Seen is a sign that was found in a text.
type Seen struct {
	Sign

	Text string // the words of the text that are the sign
}

// Recognise finds the signs in a text. Of those in one line it keeps what tells most: a reset says nothing more beside
// the TLS error that led to it. What tells most comes first, then the order of signs counts; each code stands in the
// first that names it.
func Recognise(signs []Sign, text string) []Seen {
	patterns := make([]*regexp.Regexp, len(signs))
	for i, s := range signs {
		patterns[i] = regexp.MustCompile(s.Pattern)
	}
	words := make([]string, len(signs)) // of the text, by sign
	for line := range strings.Lines(text) {
		inLine(signs, patterns, line, words)
	}
	var seen []Seen
	for i, s := range signs {
		if words[i] != "" {
			seen = append(seen, Seen{s, words[i]})
		}
	}
	slices.SortStableFunc(seen, func(a, b Seen) int { return int(a.Telling) - int(b.Telling) })
	named := map[Code]bool{}
	for i := range seen {
		seen[i].Sign = seen[i].without(named)
	}
	return seen
}

// inLine notes the words of a line that are its most telling signs.
func inLine(signs []Sign, patterns []*regexp.Regexp, line string, words []string) {
	spaced := strings.ReplaceAll(line, "_", " ") // letter by letter: places stay the same
	most, found := Vague, map[int]string{}
	for i, re := range patterns {
		if at := re.FindStringIndex(spaced); at != nil {
			most, found[i] = min(most, signs[i].Telling), line[at[0]:at[1]]
		}
	}
	for i, text := range found {
		if signs[i].Telling == most && words[i] == "" {
			words[i] = text
		}
	}
}

// without leaves out the codes that were named, and notes the others.
func (s Sign) without(named map[Code]bool) Sign {
	s.Codes = slices.DeleteFunc(slices.Clone(s.Codes), func(c Code) bool { return named[c] })
	for _, c := range s.Codes {
		named[c] = true
	}
	return s
}
