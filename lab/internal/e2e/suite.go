// Package e2e is the end-to-end suite: a lab from nothing, a second one beside it, the plugin as
// kubectl finds and runs it, every scenario scored, every fix applied, and nothing left at the end. It uses
// the lab by its command line, as people do.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/mtls-doctor/kubectl-mtls-doctor/lab/internal/layout"
)

// patience is far more than a run takes, and less than CI grants; farewell is for ending a lab.
const (
	patience = 60 * time.Minute
	farewell = time.Minute
)

// Suite runs Program, the lab's, on the lab in Dir.
type Suite struct {
	Program string
	Dir     layout.Dir
	Out     io.Writer
}

// step is one part of the suite.
type step struct {
	name string
	run  func(context.Context) error
}

// Run runs all steps up to the first that fails, and ends the lab in any case.
func (s Suite) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, err := Footprint(s.Dir, "")
	if err != nil {
		return err
	}
	if len(before.Processes) > 0 {
		return fmt.Errorf("the lab in %s is up: end it and the one in %s first, or give another folder by --dir (%s)", s.Dir, s.other(), strings.Join(before.Processes, ", "))
	}
	var namespace string
	down := step{"labs down, nothing left", func(ctx context.Context) error { return s.down(ctx, before, namespace) }}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*farewell)
		defer cancel()
		err = errors.Join(err, s.step(ctx, down))
	}()
	for _, st := range []step{
		{"lab up", func(ctx context.Context) (err error) { namespace, err = s.up(ctx); return }},
		{"a second lab does not meet the first", s.second},
		{"the plugin, found and run by kubectl", s.plugin},
		{"every scenario, and the fixes heal, half of them in each lab", s.scenarios},
	} {
		if err := s.step(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (s Suite) step(ctx context.Context, st step) error {
	fmt.Fprintf(s.Out, "--> %s\n", st.name)
	start := time.Now()
	if err := st.run(ctx); err != nil {
		return fmt.Errorf("%s: %w", st.name, err)
	}
	fmt.Fprintf(s.Out, "    done in %.1f s\n", time.Since(start).Seconds())
	return nil
}

// lab runs one command of the lab.
func (s Suite) lab(ctx context.Context, args ...string) error {
	cmd := s.command(ctx, s.Dir, args...)
	cmd.Stdout, cmd.Stderr = s.Out, s.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lab %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// systemPath has no plugin that a contributor has installed: kubectl warns of a second one.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command is one of the lab's, for the lab of a folder, with the lab's programs first in PATH.
func (s Suite) command(ctx context.Context, dir layout.Dir, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Program, append([]string{"--dir", string(dir)}, args...)...)
	cmd.Env = append(cmd.Environ(), "PATH="+dir.Join("bin")+":"+os.Getenv("PATH"))
	return cmd
}

// kubectl runs the lab's kubectl in the lab, and gives what it printed and its exit code.
func (s Suite) kubectl(ctx context.Context, dir layout.Dir, args ...string) (stdout, stderr string, code int, err error) {
	var out, errs bytes.Buffer
	cmd := s.command(ctx, dir, append([]string{"exec", "kubectl"}, args...)...)
	cmd.Env = append(cmd.Env, "PATH="+dir.Join("bin")+":"+systemPath)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode(), err
}

// up starts the lab, and gives its process namespace.
func (s Suite) up(ctx context.Context) (string, error) {
	if err := s.lab(ctx, "up"); err != nil {
		return "", err
	}
	return namespaceOf(s.Dir)
}

// succeed is kubectl that has to exit with 0.
func (s Suite) succeed(ctx context.Context, dir layout.Dir, args ...string) (stdout string, err error) {
	stdout, stderr, code, err := s.kubectl(ctx, dir, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, stderr)
	}
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), err)
	}
	return stdout, err
}

func (s Suite) down(ctx context.Context, before Traces, namespace string) error {
	failed := errors.Join(s.endSecond(ctx, namespace != ""), s.lab(ctx, "down"))
	after, err := Footprint(s.Dir, namespace)
	if err != nil {
		return errors.Join(failed, err)
	}
	if left := after.Beyond(before); len(left) > 0 {
		return errors.Join(failed, fmt.Errorf("left behind: %s", strings.Join(left, ", ")))
	}
	return failed
}
