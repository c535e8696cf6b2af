package checks

import (
	"fmt"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// capturedAt is the clock by which certificates are judged.
func capturedAt(p *diagnose.Pass) handshake.Fact {
	source := "time of the capture"
	if undated(p) {
		source = "date of the file, for want of a time of the capture"
	}
	return handshake.Fact{Layer: handshake.Observed, Source: source, Value: stamp(p.CapturedAt)}
}

// undated reports whether the evidence does not say when it was taken: of a lone dump only the
// file's own date is known, which copying changes.
func undated(p *diagnose.Pass) bool { return p.Source.Type == "dump" }

// ago writes a duration in the two largest units that matter: "3h20m", "12d".
func ago(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
