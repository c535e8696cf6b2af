package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// scenarios scores and heals a share of all scenarios in each lab at the same time: a lab waits for its mesh half of the
// time. What goes wrong in one does not end the other.
func (s Suite) scenarios(ctx context.Context) error {
	labs := []layout.Dir{s.Dir, s.other()}
	failed := make([]error, len(labs))
	tables := make([]bytes.Buffer, len(labs))
	var out sync.Mutex
	var all sync.WaitGroup
	for i, dir := range labs {
		all.Go(func() {
			cmd := s.command(ctx, dir, "score", "-heal", "-share", fmt.Sprintf("%d/%d", i+1, len(labs)), "--all")
			log := &labelled{label: fmt.Sprintf("lab %d: ", i+1), out: s.Out, shared: &out}
			cmd.Stdout, cmd.Stderr = &tables[i], log
			cmd.WaitDelay = farewell // its own children may hold the log open when it is killed
			if err := errors.Join(cmd.Run(), log.flush()); err != nil {
				failed[i] = fmt.Errorf("lab %d, in %s: %w", i+1, dir, err)
			}
		})
	}
	all.Wait()
	for i := range tables {
		if _, err := tables[i].WriteTo(s.Out); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// labelled writes whole lines, each behind a label, to what several write to.
type labelled struct {
	label  string
	out    io.Writer
	shared *sync.Mutex
	rest   []byte
}

// Write takes a part of the text.
func (l *labelled) Write(text []byte) (int, error) {
	l.rest = append(l.rest, text...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		if err := l.line(line); err != nil {
			return 0, err
		}
		l.rest = rest
	}
}

func (l *labelled) line(line []byte) error {
	l.shared.Lock()
	defer l.shared.Unlock()
	_, err := fmt.Fprintf(l.out, "%s%s\n", l.label, line)
	return err
}

// flush writes a last line that does not end.
func (l *labelled) flush() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.line(l.rest)
}
