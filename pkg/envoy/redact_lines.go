package envoy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// RedactText copies text that is not JSON (logs, /clusters and /stats as text, YAML) line by line
// and drops what can be told to be a secret by its looks: private keys in PEM, tokens, bearer and
// basic credentials, passwords in URLs and after "password=", YAML fields that hold key material,
// and what Redact drops where a line is a JSON document. Unlike Redact it has no schema to go by: prefer
// Redact for JSON. It holds one line at a time.
func RedactText(w io.Writer, r io.Reader) error {
	in, out := bufio.NewReader(r), bufio.NewWriter(w)
	var l lineCleaner
	for {
		line, err := in.ReadString('\n')
		if _, failed := out.WriteString(l.clean(line)); failed != nil {
			return fmt.Errorf("redact: text: %w", failed)
		}
		switch {
		case errors.Is(err, io.EOF):
			return out.Flush()
		case err != nil:
			return errors.Join(fmt.Errorf("redact: text: %w", err), out.Flush())
		}
	}
}

// lineCleaner remembers what spans lines.
type lineCleaner struct {
	// pem counts the lines that may still belong to a private key block.
	pem int
	// field is the indentation of a YAML field that holds a secret, plus one; 0 is none.
	field int
}

// maxKeyLines is more than the PEM of the longest RSA key in use (16,384 bits) has.
const maxKeyLines = 256

var (
	// bodyLine is a line of base64 or a header of a PEM block, and nothing else.
	bodyLine = regexp.MustCompile(`^\s*(?:[A-Za-z0-9+/=]*|(?:Proc-Type|DEK-Info): .*)\s*$`)
	// bodyPart is such a line behind a time stamp or the like.
	bodyPart = regexp.MustCompile(`[A-Za-z0-9+/]{24,}={0,2}`)
)

func (l *lineCleaner) clean(line string) string {
	if line == "" {
		return "" // the input has ended
	}
	text, end := strings.CutSuffix(line, "\n")
	if end {
		return l.cleanLine(text, "\n")
	}
	return l.cleanLine(text, "")
}

func (l *lineCleaner) cleanLine(text, end string) string {
	if l.pem > 0 {
		return l.insideKey(text, end)
	}
	if l.field > 0 {
		if out, ok := l.insideField(text, end); ok {
			return out
		}
	}
	if keyBegin.MatchString(text) && !keyEnd.MatchString(text) {
		l.pem = maxKeyLines
	}
	return cleanLine(l.startField(text)) + end
}

// insideKey drops the body of a private key up to its END line.
func (l *lineCleaner) insideKey(text, end string) string {
	l.pem--
	if at := keyEnd.FindStringIndex(text); at != nil {
		l.pem = 0
		return cleanRest(text[at[1]:], end)
	}
	if bodyLine.MatchString(text) {
		return ""
	}
	return bodyPart.ReplaceAllString(cleanLine(text), redacted) + end
}

// cleanRest gives what follows a key in its last line, nothing if that is nothing.
func cleanRest(text, end string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return cleanLine(text) + end
}

// cleanLine redacts a line that is a JSON document by its fields, any other by its looks.
func cleanLine(text string) string {
	c := &copier{names: map[string]nameRule{}}
	return c.clean(text, place{})
}
