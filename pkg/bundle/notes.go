package bundle

import (
	"bufio"
	"cmp"
	"io"
	"regexp"
	"strings"
	"time"
)

// maxLine bounds the lines of the small text files of foreign archives; longer ones are cut.
const maxLine = 64 << 10

// addNote reads the small text files that tell of the cluster and of the time.
func (a *Assembler) addNote(m member, r io.Reader) error {
	switch m.part {
	case contextName:
		return eachLine(r, a.contextLine)
	case kubeVersion:
		return eachLine(r, a.versionLine)
	case toolLog:
		return eachLine(r, func(line string) { a.locked(func() { a.clock.logLine(line) }) })
	case timestamp:
		return eachLine(r, func(line string) { a.locked(func() { a.clock.stampLine(line) }) })
	}
	return nil
}

// eachLine calls f with every line, cut at maxLine.
func eachLine(r io.Reader, f func(string)) error {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := br.ReadLine()
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		f(string(line))
		for more && err == nil {
			_, more, err = br.ReadLine()
		}
	}
}

// contextLine takes the first line of cluster-context; the second is the API server's address.
func (a *Assembler) contextLine(line string) {
	a.locked(func() { a.source.Context = cmp.Or(a.source.Context, oneLine(line)) })
}

var serverVersion = regexp.MustCompile(`^Server Version: (?:.*GitVersion:")?(v[0-9][0-9A-Za-z.+-]*)`)

func (a *Assembler) versionLine(line string) {
	if found := serverVersion.FindStringSubmatch(line); found != nil {
		a.locked(func() { a.source.KubernetesVersion = found[1] })
	}
}

// clock gathers what is known of when evidence was read.
type clock struct {
	log    time.Time // the last line of bug-report's log
	stamp  time.Time // must-gather's timestamp
	newest time.Time // the newest modification time of a member
}

func (c *clock) modified(t time.Time) { c.newest = later(c.newest, t) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

var (
	logTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`)
	stampTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}`)
)

func (c *clock) logLine(line string) {
	if t, err := time.Parse(time.RFC3339Nano, logTime.FindString(line)); err == nil {
		c.log = later(c.log, t)
	}
}

func (c *clock) stampLine(line string) {
	if t, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", stampTime.FindString(strings.TrimSpace(line))); err == nil {
		c.stamp = later(c.stamp, t.UTC())
	}
}
