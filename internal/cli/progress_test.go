package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/pkg/probe"
)

func TestProgress(t *testing.T) {
	var shown strings.Builder
	env := testEnv(nil, nil, &shown, os.Getenv)
	now := env.Now()
	env.Now = func() time.Time { return now }
	if newProgress(env, false) != nil {
		t.Error("progress is shown to a file")
	}
	env.ErrTerminal = true
	if newProgress(env, true) != nil {
		t.Error("progress is shown although -q was given")
	}
	p := newProgress(env, false)
	p.Progress(probe.Event{Phase: "proxies", Done: 1, Total: 9})
	p.clear()
	if shown.Len() > 0 {
		t.Errorf("a run of no time shows %q", shown.String())
	}
	now = now.Add(2 * time.Second)
	p.Progress(probe.Event{Phase: "proxies", Done: 3, Total: 9, Current: "shop/\x1bcart"})
	p.clear()
	if want := "\r\x1b[Kreading proxies 3/9 shop/\\x1bcart\r\x1b[K"; shown.String() != want {
		t.Errorf("got %q, want %q", shown.String(), want)
	}
}
