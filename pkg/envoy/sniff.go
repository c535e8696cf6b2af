package envoy

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
	"strings"
)

// form is what the first bytes of an input look like.
type form int

const (
	formUnknown form = iota
	formEmpty
	formJSON
	formYAML
	formClustersText
	formStatsText
	formPrometheus
	formArchive
	formPEM
	formUTF16
	formHTML
	formBinary
)

// sniffed is how many bytes are looked at.
const sniffed = 4096

// sniff tells the form of an input without consuming it.
func sniff(src io.Reader) (io.Reader, form) {
	body := bufio.NewReaderSize(src, 64<<10)
	head, _ := body.Peek(sniffed)
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = body.Discard(3)
		head = head[3:]
	}
	return body, formOf(head)
}

func formOf(head []byte) form {
	if f := magic(head); f != formUnknown {
		return f
	}
	text := bytes.TrimSpace(head)
	switch {
	case len(text) == 0:
		return formEmpty
	case strings.IndexByte(`{["`, text[0]) >= 0 || string(text) == "null":
		return formJSON
	case text[0] == '<':
		return formHTML
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return formPEM
	case bytes.IndexByte(text, 0) >= 0:
		return formBinary
	}
	return formOfLines(strings.Split(string(text), "\n"))
}

// magic knows the files that begin with certain bytes.
func magic(head []byte) form {
	for prefix, f := range map[string]form{
		"\x1f\x8b": formArchive, "PK\x03\x04": formArchive, "BZh": formArchive, "\xfd7zXZ": formArchive, "\x28\xb5\x2f\xfd": formArchive,
		"\xff\xfe": formUTF16, "\xfe\xff": formUTF16,
	} {
		if bytes.HasPrefix(head, []byte(prefix)) {
			return f
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return formArchive
	}
	return formUnknown
}

var (
	promLine = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eEInfNa]+$`)
	statText = regexp.MustCompile(`^[^\s:{][^{]*: ([0-9]+|".*"|P[0-9]+\(.*|No recorded values)$`)
	hostText = regexp.MustCompile(`^[^:\s]\S*::\S+::`)
	yamlLine = regexp.MustCompile(`^(- )?"?[A-Za-z_@][A-Za-z0-9_@]*"?:( |$)|^---|^- `)
)

// formOfLines judges text by its first whole line that says something.
func formOfLines(lines []string) form {
	for _, line := range lines {
		line = strings.TrimRight(line, "\r")
		switch {
		case line == "":
			continue
		case strings.HasPrefix(line, "# TYPE ") || strings.HasPrefix(line, "# HELP ") || promLine.MatchString(line):
			return formPrometheus
		case strings.HasPrefix(line, "#"):
			continue
		case hostText.MatchString(line):
			return formClustersText
		case statText.MatchString(line):
			return formStatsText
		case yamlLine.MatchString(line):
			return formYAML
		}
		return formUnknown
	}
	return formUnknown
}
