package cli

import (
	"errors"
	"strconv"
	"strings"
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

// Set takes "2h", "90m", "1d" or "2026-11-28T09:00:00Z".
func (w *window) Set(text string) error {
	ago, err := parseDays(text)
	if err == nil && ago > 0 {
		*w = window{text: text, ago: ago}
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("must be a duration like 2h, 90m or 1d, or a moment like 2026-11-28T09:00:00Z")
	}
	*w = window{text: text, at: at}
	return nil
}

// parseDays reads a duration, which may begin with days of 24 hours: "1d", "1d12h".
func parseDays(text string) (time.Duration, error) {
	number, rest, ok := strings.Cut(text, "d")
	days, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil {
		return time.ParseDuration(text)
	}
	if rest == "" {
		rest = "0s"
	}
	more, err := time.ParseDuration(rest)
	return time.Duration(days)*24*time.Hour + more, err
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
