package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// other is the folder of the second lab.
func (s Suite) other() layout.Dir { return layout.Dir(s.Dir.Join("second")) }

// second starts another lab of the same programs, and changes it: the first one must not see any of that.
func (s Suite) second(ctx context.Context) error {
	if err := s.beside(ctx, s.other()); err != nil {
		return err
	}
	return s.lab(ctx, "status")
}

// endSecond ends the second lab, where there is one: the first, if it is up, must not see that either.
func (s Suite) endSecond(ctx context.Context, firstUp bool) error {
	if _, err := os.Stat(string(s.other())); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := s.remove(ctx, s.other()); err != nil || !firstUp {
		return err
	}
	return s.lab(ctx, "status")
}

// beside starts the other lab and looks whether the two meet.
func (s Suite) beside(ctx context.Context, other layout.Dir) error {
	if err := os.MkdirAll(string(other), 0o755); err != nil {
		return err
	}
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
	return s.apart(ctx, other)
}

// remove ends a lab and removes its folder, which says how to end it: not before it has ended.
func (s Suite) remove(ctx context.Context, dir layout.Dir) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	down := s.command(ctx, dir, "down")
	down.Stderr = s.Out
	if err := down.Run(); err != nil {
		return fmt.Errorf("end the lab in %s: %w", dir, err)
	}
	return os.RemoveAll(string(dir))
}

// apart makes a namespace in the other lab, which only that one may have.
func (s Suite) apart(ctx context.Context, other layout.Dir) error {
	const name = "only-in-the-second"
	if _, err := s.succeed(ctx, other, "create", "namespace", name); err != nil {
		return err
	}
	list, err := s.succeed(ctx, s.Dir, "get", "namespaces", "-o", "name")
	if err == nil && strings.Contains(list, name) {
		err = fmt.Errorf("a namespace made in the second is in the first:\n%s", list)
	}
	if err == nil {
		_, err = s.succeed(ctx, other, "delete", "namespace", name)
	}
	return err
}
