package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// writeJUnit writes the report as test results, in the dialect that CI servers share: a suite
// for each namespace with what was found there, one with the connections that were asked about, one with
// the checks that found nothing, and one for the evidence. What fails the run is a failure,
// evidence that is missing an error; what is suppressed or could not be judged is skipped, never passed.
func writeJUnit(w io.Writer, r *Report, style Style) error {
	j := junit{Report: r, style: style, all: junitSuites{Name: "mtls-doctor"}, suites: map[string]*junitSuite{}, names: map[string]bool{}}
	j.findings()
	j.calls()
	j.checks()
	j.evidence()
	j.all.sum()
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(j.all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Failure *junitResult `xml:"failure"`
	Error   *junitResult `xml:"error"`
	Skipped *junitResult `xml:"skipped"`
	Out     *junitText   `xml:"system-out"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

// sum counts the cases of all suites.
func (s *junitSuites) sum() {
	for _, suite := range s.Suites {
		for _, c := range suite.Cases {
			suite.count(c)
			s.count(c)
		}
	}
}

func (n *junitCounts) count(c junitCase) {
	n.Tests++
	switch {
	case c.Failure != nil:
		n.Failures++
	case c.Error != nil:
		n.Errors++
	case c.Skipped != nil:
		n.Skipped++
	}
}

type junit struct {
	*Report
	style  Style
	all    junitSuites
	suites map[string]*junitSuite
	names  map[string]bool // of findings
}

func (j *junit) add(suite string, c junitCase) {
	s := j.suites[suite]
	if s == nil {
		s = &junitSuite{Name: suite}
		if !j.CapturedAt.IsZero() {
			s.Timestamp = j.CapturedAt.Format("2006-01-02T15:04:05") // xs:dateTime without a zone, as Ant writes it
		}
		j.suites[suite] = s
		j.all.Suites = append(j.all.Suites, s)
	}
	c.Class = suite
	s.Cases = append(s.Cases, c)
}

// judged makes the case of something that is as bad as its severity says.
func (j *junit) judged(name, severity, message, text string) junitCase {
	if j.style.Gate.stops(severity) {
		return junitCase{Name: name, Failure: &junitResult{Message: message, Type: severity, Text: text}}
	}
	return junitCase{Name: name, Out: &junitText{text}}
}

func (j *junit) findings() {
	for i := range j.Findings {
		f := &j.Findings[i]
		severity := f.Severity
		if f.Known {
			severity = ""
		}
		j.add(suiteOf(f), j.judged(j.nameOf(f), severity, Clean(f.Title), j.findingText(f, j.style)))
	}
	for _, x := range j.suppressed() {
		skipped := &junitResult{Message: "suppressed: " + x.why(), Text: j.findingText(&x.Finding, j.style)}
		j.add(suiteOf(&x.Finding), junitCase{Name: j.nameOf(&x.Finding), Skipped: skipped})
	}
	if len(j.Unexplained) > 0 {
		severity := ""
		if j.newlyUnexplained() {
			severity = unexplainedSeverity
		}
		j.add("mesh", j.judged("unexplained", severity, unexplainedTitle, j.unexplainedText(j.style)))
	}
}

func suiteOf(f *Finding) string {
	if ns := homeOf(f.Subject); ns != "" {
		return "namespace " + Clean(ns)
	}
	return "mesh"
}

// nameOf is a name that no other finding has: a server joins the cases of one name.
func (j *junit) nameOf(f *Finding) string {
	name := Clean(f.Code + " " + f.Subject.String())
	if f.Field != "" {
		name += " " + Clean(f.Field)
	}
	if j.names[name] {
		name += " " + f.Fingerprint
	}
	j.names[name] = true
	return name
}

// calls are the connections to the destination that was asked about.
func (j *junit) calls() {
	order, _, first := foldEdges(j.Calls)
	for _, k := range order {
		name := fmt.Sprintf("%s to %s at %s: %s", k.client, k.destination, k.server, k.verdict)
		if k.reason != "" {
			name += " (" + string(k.reason) + ")"
		}
		c := j.judged(name, callHealth(k.verdict).severity(), string(k.verdict), Clean(first[k].Why))
		if callHealth(k.verdict) == UnknownHealth {
			c = junitCase{Name: name, Skipped: &junitResult{Message: Clean(first[k].Why)}}
		}
		j.add("connections", c)
	}
}

// checks are those that found nothing.
func (j *junit) checks() {
	for _, o := range j.Coverage.Checks {
		c := junitCase{Name: Clean(o.Code + " " + o.Name)}
		switch {
		case o.Failed > 0:
			continue
		case o.Unknown > 0:
			c.Skipped = &junitResult{Message: fmt.Sprintf("%d judged, %d could not be", o.Passed, o.Unknown)}
		case o.Passed == 0:
			c.Skipped = &junitResult{Message: "nothing to judge"}
		}
		j.add("checks", c)
	}
}

// evidence is whether all that the verdict rests on was read.
func (j *junit) evidence() {
	c := junitCase{Name: "everything was read"}
	if j.Incomplete() {
		var lines []string
		for _, u := range j.unseen() {
			lines = append(lines, u.sentence(0))
		}
		if j.empty() {
			lines = append(lines, noPods(j.Scope))
		}
		missing := &junitResult{Message: j.basis(), Text: strings.Join(lines, "\n")}
		if j.style.Gate.AllowPartial {
			c.Skipped = missing
		} else {
			c.Error = missing
		}
	}
	j.add("evidence", c)
}
