package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// second starts another lab of the same programs, changes it, and ends it: the first one must
// not see any of that.
func (s Suite) second(ctx context.Context) (err error) {
	other := layout.Dir(s.Dir.Join("second"))
	if err := os.MkdirAll(string(other), 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(string(other))) }()
	for _, name := range []string{"bin", "share"} {
		if err := os.Symlink(s.Dir.Join(name), other.Join(name)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	up := s.command(ctx, other, "up")
	up.Stderr = s.Out
	if err := up.Run(); err != nil {
		return fmt.Errorf("start it: %w", err)
	}
	err = s.apart(ctx, other)
	down := s.command(context.WithoutCancel(ctx), other, "down")
	down.Stderr = s.Out
	if err := errors.Join(err, down.Run()); err != nil {
		return err
	}
	return s.lab(ctx, s.Out, "status")
}

// apart makes a namespace in the other lab, which only that one may have.
func (s Suite) apart(ctx context.Context, other layout.Dir) error {
	const name = "only-in-the-second"
	if _, errs, code, err := s.kubectl(ctx, other, "create", "namespace", name); err != nil || code != 0 {
		return fmt.Errorf("create a namespace there: %w %s", err, errs)
	}
	list, errs, code, err := s.kubectl(ctx, s.Dir, "get", "namespaces", "-o", "name")
	switch {
	case err != nil || code != 0:
		return fmt.Errorf("list the namespaces of the first: %w %s", err, errs)
	case strings.Contains(list, name):
		return fmt.Errorf("a namespace made in the second is in the first:\n%s", list)
	}
	return nil
}
