package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/report"
)

// progressAfter is how long a reading may take before anything is said about it.
const progressAfter = time.Second

// progress shows one line on a terminal, written over and over.
type progress struct {
	w     io.Writer
	now   func() time.Time
	start time.Time
	shown bool
}

// newProgress returns nil where nobody looks.
func newProgress(env *Env, quiet bool) *progress {
	if quiet || !env.ErrTerminal {
		return nil
	}
	return &progress{w: env.Err, now: env.Now, start: env.Now()}
}

// Progress shows a step of a reading.
func (p *progress) Progress(e probe.Event) {
	if p.now().Sub(p.start) < progressAfter {
		return
	}
	p.shown = true
	fmt.Fprintf(p.w, "\r\x1b[Kreading %s %d/%d %s", e.Phase, e.Done, e.Total, report.Clean(e.Current))
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
