package cli

import (
	"errors"
	"time"
)

// window is a flag that takes a duration before the capture, or the moment itself.
type window struct {
	text string
	ago  time.Duration
	at   time.Time
}

// String returns what the user wrote.
func (w *window) String() string { return w.text }

// Type names the value in usage lines.
func (w *window) Type() string { return "2h|RFC3339" }

// Set takes "2h", "90m" or "2026-11-28T09:00:00Z".
func (w *window) Set(text string) error {
	ago, err := time.ParseDuration(text)
	if err == nil && ago > 0 {
		*w = window{text: text, ago: ago}
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("must be a duration like 2h or 90m, or a moment like 2026-11-28T09:00:00Z")
	}
	*w = window{text: text, at: at}
	return nil
}

// start is where the window begins, for evidence of a moment.
func (w *window) start(capturedAt time.Time) (time.Time, error) {
	switch {
	case w.ago == 0:
		return w.at, nil
	case capturedAt.IsZero():
		return time.Time{}, usageError("name a moment like 2026-11-28T09:00:00Z", "--since %s: the evidence does not say when it was taken", w.text)
	}
	return capturedAt.Add(-w.ago), nil
}
