package checks

import (
	"fmt"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/diagnose"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/handshake"
	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/kube"
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

// pushTime is how long a change may take to reach the proxies.
const pushTime = 5 * time.Second

// fresh reports whether a resource changed so shortly before the capture that proxies may not have it.
func fresh(p *diagnose.Pass, m *kube.Meta) bool {
	changed := m.CreationTimestamp
	for _, f := range m.ManagedFields {
		if f.Time.After(changed) {
			changed = f.Time
		}
	}
	return p.CapturedAt.Sub(changed) < pushTime
}

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
